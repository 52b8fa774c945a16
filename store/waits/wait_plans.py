"""When a wait ends by itself, worked out from its moments and durations.

Of durations only, `speed` makes time run faster; moments are where the calendar has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from journeys.model.moments import (
    AttributeMoment,
    EntryMoment,
    Limit,
    Moment,
    MomentReference,
    StepMoment,
    is_duration,
    is_time_of_day,
)
from journeys.model.steps import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.model.triggers import MessageTrigger
from journeys.schedule.moment_resolution import ResolutionContext, Unresolved, instant_of, resolve
from journeys.time.durations import Duration
from store.contacts.operands import Operands
from store.messages.claims import was_sent
from store.runs.rows import RunRow
from store.waits.listeners import ListenerQuery
from store.waits.wait_visits import reference_before

Wait = ForWait | UntilWait | TriggerWait | AnyWait


@dataclass(frozen=True)
class WaitPlan:
    """How a wait ends if nothing else ends it."""

    outcome: str
    due: datetime | None
    """Aware; None: never by itself."""
    facts: dict[str, Any]
    at_once: bool = False
    """There is nothing to wait for."""


class WaitPlanner:
    """Plans one wait of a run from its start, as the contact is now."""

    def __init__(
        self,
        conn: AsyncConnection[Any],
        run: RunRow,
        wait: Wait,
        *,
        start: datetime,
        zone: ZoneInfo,
        speed: float,
    ) -> None:
        self._conn = conn
        self._run = run
        self._wait = wait
        self._start = start
        self._zone = zone
        self._speed = speed
        self._operands = Operands(conn, run)

    async def plan(
        self, *, judged: datetime | None = None, fate: datetime | None = None
    ) -> WaitPlan:
        """When the wait ends by itself.

        `judged` is when its zone or date has changed: a date that lies before it now is past.
        `fate` is when the message that the wait counts `after` came to it.
        """
        wait = self._wait
        judged = judged or self._start
        facts: dict[str, Any] = {"zone": self._zone.key}
        due: datetime | None = None
        if isinstance(wait, UntilWait):
            due = instant_of(wait.until, await self._view(wait.until), days=wait.days)
            if due is None:
                return WaitPlan("missing", None, facts, at_once=True)
            facts["until"] = due.isoformat()
            if due < (judged if _may_be_past(wait.until) else self._start):
                return WaitPlan("past", None, facts, at_once=True)
        elif isinstance(wait, ForWait):
            facts["length"] = wait.for_
            if wait.after is None:
                due = self._after(wait.for_, self._start)
            elif fate is not None:
                facts["fate"] = fate.isoformat()
                due = max(self._after(wait.for_, fate), self._start)
        if wait.up_to is not None:
            limit = await self._limit(wait.up_to, facts)
            if due is None or limit < due:
                facts["ends"] = "timed_out"
                return WaitPlan("timed_out", limit, facts)
        return WaitPlan("timed_out" if due is None else "elapsed", due, facts)

    async def reference(self) -> tuple[int, dict[str, Any]]:
        """The event id after which the wait counts events, and facts about it.

        A `since` that is missing leaves it where the run last stood still.
        """
        since = None if isinstance(self._wait, ForWait | UntilWait) else self._wait.since
        if since is None:
            return self._run.ref, {}
        if since == "entry":
            return self._run.entry_ref, {}
        if since == "now":
            return self._run.last_event_id, {}
        instant = instant_of(since, await self._view(since))
        if instant is None:
            return self._run.ref, {"since": "missing"}
        ref = await reference_before(self._conn, self._run.contact_id, instant)
        return ref, {"since": instant.isoformat()}

    async def _limit(self, limit: Limit, facts: dict[str, Any]) -> datetime:
        if isinstance(limit, str) and is_duration(limit):
            facts.setdefault("length", limit)
            return self._after(limit, self._start)
        found = resolve(limit, await self._view(limit))
        if isinstance(found, Unresolved):
            facts["up_to"] = found.value
            return self._start
        facts["up_to"] = found.isoformat()
        return found

    def _after(self, length: str, start: datetime) -> datetime:
        return scaled_end(length, start, self._zone, self._speed)

    async def _view(self, moment: Moment) -> ResolutionContext:
        value = await self._operands.resolve(moment) if _refers(moment) else None

        def values(reference: MomentReference) -> object:
            return value

        return ResolutionContext(self._start, self._zone, self._run.started_at, values)


def scaled_end(length: str, start: datetime, zone: ZoneInfo, speed: float) -> datetime:
    """When a duration from `start` on a contact's clock is over, if time runs `speed` times."""
    end = Duration.parse(length).add_to(start, zone)
    return end if speed == 1 else start + (end - start) / speed


def watched_attributes(wait: Wait) -> list[str]:
    """The attributes of the contact that the wait's end depends on, by their names."""
    names: list[str] = []
    moments: list[str | MomentReference] = []
    if isinstance(wait, UntilWait):
        moments.append(wait.until)
    elif isinstance(wait, ForWait):
        moments.append(wait.for_)
    if wait.up_to is not None:
        moments.append(wait.up_to)
    for moment in moments:
        if isinstance(moment, AttributeMoment):
            names.append(moment.attribute.split(".")[0])
        if _is_local(moment):
            names.append("timezone")
    return sorted(set(names))


async def no_message_was_sent(conn: AsyncConnection[Any], run: RunRow, look: ListenerQuery) -> bool:
    """A wait on messages alone, none of which was sent, ends at once."""
    messages = [
        slot.trigger.message for slot in look.slots if isinstance(slot.trigger, MessageTrigger)
    ]
    if len(messages) < len(look.slots):
        return False
    return not await was_sent(conn, run.id, messages)


def _is_local(moment: str | MomentReference) -> bool:
    """Whether another zone makes it another instant."""
    if not isinstance(moment, str):
        return True
    if is_duration(moment) or moment[0] in "+-":
        parts = Duration.parse(moment, signed=True)
        return bool(parts.years or parts.months or parts.weeks or parts.days)
    return moment != "entry"


def _refers(moment: Moment) -> bool:
    return isinstance(moment, EntryMoment | AttributeMoment | StepMoment)


def _may_be_past(moment: Moment) -> bool:
    """Whether it names a date of its own, and is not counted from the wait's start."""
    return not isinstance(moment, str) or not (is_time_of_day(moment) or moment[0] in "+-")

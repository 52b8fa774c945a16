"""Plans of waits, from operands that are read from the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from journeys.model.moments import MomentReference
from journeys.model.triggers import MessageTrigger
from journeys.model.waits import ForWait, UntilWait, Wait
from journeys.schedule.moment_resolution import ResolutionContext, instant_of
from journeys.schedule.wait_plan import WaitPlan, is_reference, plan_end, references
from store.contacts.operands import Operands
from store.messages.claims import was_sent
from store.runs.rows import RunRow
from store.sql import Connection
from store.waits.listener_queries import ListenerQuery
from store.waits.wait_visits import reference_before


class WaitPlanner:
    """Plans one wait of a run from its start, with the contact's values as they are now."""

    def __init__(
        self,
        conn: Connection,
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
        self, *, known_at: datetime | None = None, status_at: datetime | None = None
    ) -> WaitPlan:
        """When and how the wait ends by itself; see journeys.schedule.wait_plan.plan_end."""
        context = await self._context(references(self._wait))
        return plan_end(self._wait, context, self._speed, known_at=known_at, status_at=status_at)

    async def reference(self) -> tuple[int, dict[str, Any]]:
        """The event id after which the wait counts events, and facts about it.

        If the wait has no `since`, or what it refers to is missing, it is the run's reference.
        """
        since = None if isinstance(self._wait, ForWait | UntilWait) else self._wait.since
        if since is None:
            return self._run.ref, {}
        if since == "entry":
            return self._run.entry_ref, {}
        if since == "now":
            return self._run.last_event_id, {}
        context = await self._context([since] if is_reference(since) else [])
        instant = instant_of(since, context)
        if instant is None:
            return self._run.ref, {"since": "missing"}
        ref = await reference_before(self._conn, self._run.contact_id, instant)
        return ref, {"since": instant.isoformat()}

    async def _context(self, needed: Iterable[MomentReference]) -> ResolutionContext:
        values = {reference: await self._operands.resolve(reference) for reference in needed}
        return ResolutionContext(self._start, self._zone, self._run.started_at, values.__getitem__)


async def no_message_was_sent(conn: Connection, run: RunRow, query: ListenerQuery) -> bool:
    """Whether a wait is on messages alone, of which none was sent. Such a wait ends at once."""
    messages = [
        slot.trigger.message for slot in query.slots if isinstance(slot.trigger, MessageTrigger)
    ]
    if len(messages) < len(query.slots):
        return False
    return not await was_sent(conn, run.id, messages)

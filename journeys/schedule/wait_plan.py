"""Plan of a wait: when it ends by itself, from its moments and durations.

Only durations are divided by `speed`. Moments stay where the calendar has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

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
from journeys.model.waits import ForWait, UntilWait, Wait
from journeys.schedule.moment_resolution import ResolutionContext, Unresolved, instant_of, resolve
from journeys.time.durations import Duration


@dataclass(frozen=True, slots=True)
class WaitPlan:
    """How a wait ends if no event and no exit ends it before."""

    outcome: str
    due: datetime | None
    """Aware; None: it does not end by itself."""
    facts: dict[str, Any]
    at_once: bool = False
    """Whether it ends without waiting."""


def plan_end(
    wait: Wait,
    context: ResolutionContext,
    speed: float,
    *,
    known_at: datetime | None = None,
    status_at: datetime | None = None,
) -> WaitPlan:
    """The plan of a wait that starts at `context.now`.

    `known_at` is when its zone or its date changed: a date before that is past. `status_at` is when
    the message that the wait counts `after` reached its status; None: it has not.
    """
    start = context.now
    facts: dict[str, Any] = {"zone": context.zone.key}
    due: datetime | None = None
    if isinstance(wait, UntilWait):
        due = instant_of(wait.until, context, days=wait.days)
        if due is None:
            return WaitPlan("missing", None, facts, at_once=True)
        facts["until"] = due.isoformat()
        if due < ((known_at or start) if _may_be_past(wait.until) else start):
            return WaitPlan("past", None, facts, at_once=True)
    elif isinstance(wait, ForWait):
        facts["length"] = wait.for_
        if wait.after is None:
            due = scaled_end(wait.for_, start, context.zone, speed)
        elif status_at is not None:
            facts["fate"] = status_at.isoformat()
            due = max(scaled_end(wait.for_, status_at, context.zone, speed), start)
    if wait.up_to is not None:
        limit, limit_facts = _limit(wait.up_to, context, speed)
        facts = limit_facts | facts
        if due is None or limit < due:
            return WaitPlan("timed_out", limit, {**facts, "due_outcome": "timed_out"})
    return WaitPlan("timed_out" if due is None else "elapsed", due, facts)


def _limit(
    limit: Limit, context: ResolutionContext, speed: float
) -> tuple[datetime, dict[str, Any]]:
    """The end of a limit, and facts about it. A moment that is past or missing ends it at once."""
    if isinstance(limit, str) and is_duration(limit):
        return scaled_end(limit, context.now, context.zone, speed), {"length": limit}
    found = resolve(limit, context)
    if isinstance(found, Unresolved):
        return context.now, {"up_to": found.value}
    return found, {"up_to": found.isoformat()}


def scaled_end(length: str, start: datetime, zone: ZoneInfo, speed: float) -> datetime:
    """The end of a duration from `start` on the clock of `zone`, if time runs `speed` times."""
    end = Duration.parse(length).add_to(start, zone)
    return end if speed == 1 else start + (end - start) / speed


def references(wait: Wait) -> list[MomentReference]:
    """The references in the moments that the end of a wait depends on."""
    return [moment for moment in _ending_moments(wait) if is_reference(moment)]


def watched_attributes(wait: Wait) -> list[str]:
    """The names of the contact's attributes that the end of a wait depends on."""
    names: set[str] = set()
    moments = _ending_moments(wait)
    if isinstance(wait, ForWait):
        moments.append(wait.for_)
    for moment in moments:
        if isinstance(moment, AttributeMoment):
            # The value lies inside the first, or under a key with the very name of the path.
            names |= {moment.attribute.split(".")[0], moment.attribute}
        if _is_local(moment):
            names.add("timezone")
    return sorted(names)


def _ending_moments(wait: Wait) -> list[str | MomentReference]:
    moments: list[str | MomentReference] = []
    if isinstance(wait, UntilWait):
        moments.append(wait.until)
    if wait.up_to is not None:
        moments.append(wait.up_to)
    return moments


def is_reference(moment: str | MomentReference) -> TypeGuard[MomentReference]:
    """Whether a moment is found from a value of the entry, the contact or a step."""
    return isinstance(moment, EntryMoment | AttributeMoment | StepMoment)


def _is_local(moment: str | MomentReference) -> bool:
    """Whether another time zone makes it another instant."""
    if not isinstance(moment, str):
        return True
    if is_duration(moment) or moment[0] in "+-":
        parts = Duration.parse(moment, signed=True)
        return bool(parts.years or parts.months or parts.weeks or parts.days)
    return moment != "entry"


def _may_be_past(moment: Moment) -> bool:
    """Whether it names a date, and is not counted from the wait's start."""
    return not isinstance(moment, str) or not (is_time_of_day(moment) or moment[0] in "+-")

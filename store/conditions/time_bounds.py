"""Between which bounds a condition counts events: `within`, `since` and `before`."""

from __future__ import annotations

import re

from journeys.model.conditions import EventCondition
from journeys.model.moments import AttributeMoment, EntryMoment, Moment, StepMoment
from journeys.time.durations import Duration
from store.conditions.sql_values import Statement, Values

_TIME = re.compile("[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
# The entry event; for a run without one, what would have been the next event at its start.
_ENTRY = "coalesce(r.entry_event_id, r.entry_ref + 1)"


def bounds(statement: Statement, condition: EventCondition, event: str) -> list[str]:
    """Boolean expressions over the row `event`; null, so not counted, where a bound is missing.

    `entry` is a place in the order and compared by id; the entry event lies after it.
    """
    parts = []
    if condition.within is not None:
        start = _shifted(statement, "parcours.clock()", -Duration.parse(condition.within))
        # As a query of its own it is asked once, not for each event.
        parts.append(f"{event}.stamped_at >= (select {start})")
    for bound, sign in ((condition.since, ">="), (condition.before, "<")):
        if bound == "entry":
            parts.append(f"{event}.id {sign} {_ENTRY}")
        elif bound is not None:
            parts.append(f"{event}.stamped_at {sign} ({_instant(statement, bound)})")
    return parts


def is_relative(bound: Moment | None) -> bool:
    """Whether the bound moves with time by itself."""
    if isinstance(bound, EntryMoment | AttributeMoment | StepMoment):
        return bound.every is not None
    return bound is not None and (bound[:1] in ("+", "-") or bool(_TIME.fullmatch(bound)))


def _instant(statement: Statement, bound: Moment) -> str:
    if isinstance(bound, EntryMoment | AttributeMoment | StepMoment):
        return _referred(statement, bound)
    if _TIME.fullmatch(bound):
        at = statement.bind(bound, "time")
        return f"select parcours.next_time(parcours.clock(), {at}, {statement.zone()})"
    if bound[:1] in ("+", "-"):
        shift = Duration.parse(bound, signed=True)
        return f"select {_shifted(statement, 'parcours.clock()', shift)}"
    return f"select parcours.instant({statement.literal(bound).sql}, {statement.zone()})"


def _referred(statement: Statement, bound: EntryMoment | AttributeMoment | StepMoment) -> str:
    # The first value, if the path goes through a list.
    found = _first(statement.operand(bound))
    zone = statement.zone()
    base = f"parcours.instant({found}, {zone})"
    if bound.every is None and bound.offset is None and bound.at is None:
        return f"select {base}"
    offset = Duration.parse(bound.offset, signed=True) if bound.offset else Duration()
    at = statement.bind(bound.at, "time")
    every = "true" if bound.every else "false"
    return (
        f"select parcours.moment({base}, parcours.clock(), {zone}, {every},"
        f" {_units(statement, offset)}, {at})"
    )


def _first(values: Values) -> str:
    if not values.rows:
        return values.sql
    return f"(select {values.sql} from {', '.join(values.rows)} limit 1)"


def _shifted(statement: Statement, instant: str, by: Duration) -> str:
    return f"parcours.shift({instant}, {_units(statement, by)}, {statement.zone()})"


def _units(statement: Statement, duration: Duration) -> str:
    months = statement.bind(duration.years * 12 + duration.months, "integer")
    days = statement.bind(duration.weeks * 7 + duration.days, "integer")
    exact = statement.bind(f"{duration.exact.total_seconds():.6f} seconds", "interval")
    return f"{months}, {days}, {exact}"

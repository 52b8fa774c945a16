"""Bounds in time of the events that a condition counts: `within`, `since` and `before`."""

from __future__ import annotations

import re

from journeys.model.conditions import EventCondition
from journeys.model.moments import AttributeMoment, EntryMoment, Moment, StepMoment
from journeys.time.durations import Duration
from store.conditions.sql_values import PredicateBuilder, Values
from store.sql import Sql, join, sql

_TIME = re.compile("[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
# The entry event; for a run without one, the id that the next event at its start would have had.
_ENTRY = sql("coalesce(r.entry_event_id, r.entry_ref + 1)")
_NOW = sql("parcours.clock()")


def bounds(builder: PredicateBuilder, condition: EventCondition, event: Sql) -> list[Sql]:
    """Boolean expressions over the row `event`; null, so not counted, where a bound is missing.

    `entry` is a place in the order of events and compared by id; the entry event lies after it.
    """
    parts = []
    if condition.within is not None:
        # As a query of its own it is computed once, not for each event.
        start = _shifted(builder, _NOW, -Duration.parse(condition.within))
        parts.append(sql("{event}.stamped_at >= (select {start})", event=event, start=start))
    for bound, sign in ((condition.since, sql(">=")), (condition.before, sql("<"))):
        if bound == "entry":
            parts.append(sql("{event}.id {sign} {entry}", event=event, sign=sign, entry=_ENTRY))
        elif bound is not None:
            instant = _instant(builder, bound)
            parts.append(
                sql(
                    "{event}.stamped_at {sign} ({instant})", event=event, sign=sign, instant=instant
                )
            )
    return parts


def is_relative(bound: Moment | None) -> bool:
    """Whether the bound moves with time by itself."""
    if isinstance(bound, EntryMoment | AttributeMoment | StepMoment):
        return bound.every is not None
    return bound is not None and (bound[:1] in ("+", "-") or bool(_TIME.fullmatch(bound)))


def _instant(builder: PredicateBuilder, bound: Moment) -> Sql:
    """A query of the instant of a bound."""
    if isinstance(bound, EntryMoment | AttributeMoment | StepMoment):
        return _referenced(builder, bound)
    if _TIME.fullmatch(bound):
        return sql(
            "select parcours.next_time({now}, {at}, {zone})",
            now=_NOW,
            at=builder.bind(bound, "time"),
            zone=builder.zone(),
        )
    if bound[:1] in ("+", "-"):
        shift = Duration.parse(bound, signed=True)
        return sql("select {instant}", instant=_shifted(builder, _NOW, shift))
    return sql(
        "select parcours.instant({literal}, {zone})",
        literal=builder.literal(bound).sql,
        zone=builder.zone(),
    )


def _referenced(
    builder: PredicateBuilder, bound: EntryMoment | AttributeMoment | StepMoment
) -> Sql:
    # The first value, if the path goes through a list.
    value = _first(builder.operand(bound))
    zone = builder.zone()
    base = sql("parcours.instant({value}, {zone})", value=value, zone=zone)
    if bound.every is None and bound.offset is None and bound.at is None:
        return sql("select {base}", base=base)
    offset = Duration.parse(bound.offset, signed=True) if bound.offset else Duration()
    at = builder.bind(bound.at, "time")
    return sql(
        "select parcours.moment({base}, {now}, {zone}, {every}, {offset}, {at})",
        base=base,
        now=_NOW,
        zone=zone,
        every=sql("true") if bound.every else sql("false"),
        offset=_units(builder, offset),
        at=at,
    )


def _first(values: Values) -> Sql:
    if not values.rows:
        return values.sql
    rows = join(", ", values.rows)
    return sql("(select {value} from {rows} limit 1)", value=values.sql, rows=rows)


def _shifted(builder: PredicateBuilder, instant: Sql, by: Duration) -> Sql:
    return sql(
        "parcours.shift({instant}, {units}, {zone})",
        instant=instant,
        units=_units(builder, by),
        zone=builder.zone(),
    )


def _units(builder: PredicateBuilder, duration: Duration) -> Sql:
    """The arguments of `parcours.shift` and `parcours.moment`: months, days and exact time."""
    months = builder.bind(duration.years * 12 + duration.months, "integer")
    days = builder.bind(duration.weeks * 7 + duration.days, "integer")
    exact = builder.bind(f"{duration.exact.total_seconds():.6f} seconds", "interval")
    return join(", ", [months, days, exact])

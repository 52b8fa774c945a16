"""Moments in SQL, and the instants at which those that move with time pass a value.

A moment such as `+3d` is compared by moving the value, not the clock: `v` lies before `+3d` from
the instant on at which the clock is past `v` minus three days. So a comparison changes at one
instant for each value, in months of any length and across changes of clocks.
"""

from __future__ import annotations

from journeys.model.moments import (
    AttributeMoment,
    EntryMoment,
    StepMoment,
    is_relative,
    is_time_of_day,
)
from journeys.time.durations import Duration
from store.conditions.sql_values import PredicateBuilder, Values
from store.conditions.verdicts import Verdict, later
from store.sql import Sql, join, sql

Moment = EntryMoment | AttributeMoment | StepMoment | str | int | float
_References = EntryMoment | AttributeMoment | StepMoment
_INSTANT_AFTER = sql("interval '1 microsecond'")


def compare_instant(builder: PredicateBuilder, word: str, value: Sql, moment: Moment) -> Verdict:
    """`before` or `after` of an instant and a moment; null if either is missing.

    `value` is a timestamptz expression.
    """
    judged = builder.judged
    if isinstance(moment, str) and is_relative(moment):
        if word == "before":
            turns = exceeds(builder, moment, value)
            holds = sql("{judged} >= {turns}", judged=judged, turns=turns)
        else:
            turns = reaches(builder, moment, value)
            holds = sql("{judged} < {turns}", judged=judged, turns=turns)
        return Verdict(holds, later(turns, judged) if builder.timed else None)
    sign = sql("<") if word == "before" else sql(">")
    if not isinstance(moment, _References):
        right = _plain(builder, moment)
        return Verdict(sql("{value} {sign} {right}", value=value, sign=sign, right=right))
    values = builder.operand(moment)
    holds = values.any(
        lambda y: sql(
            "{value} {sign} {right}", value=value, sign=sign, right=_moved(builder, moment, y)
        )
    )
    if moment.every is None or not builder.timed:
        return Verdict(holds)
    return Verdict(holds, values.earliest(_anniversary_over(builder, values.sql)))


def exceeds(builder: PredicateBuilder, moment: str, value: Sql) -> Sql:
    """The first instant at which a relative moment lies after the instant `value`."""
    if moment == "today":
        return sql("parcours.day_after({value}, {zone})", value=value, zone=builder.zone())
    return sql("({last} + {step})", last=_last_meeting(builder, moment, value), step=_INSTANT_AFTER)


def reaches(builder: PredicateBuilder, moment: str, value: Sql) -> Sql:
    """The first instant at which a relative moment lies at or after the instant `value`."""
    just_before = sql("({value} - {step})", value=value, step=_INSTANT_AFTER)
    if moment == "today" or is_time_of_day(moment):
        return exceeds(builder, moment, just_before)
    return _last_meeting(builder, moment, value)


def _last_meeting(builder: PredicateBuilder, moment: str, value: Sql) -> Sql:
    """The last instant at which a relative moment is not after `value`."""
    if moment == "now":
        return value
    if is_time_of_day(moment):
        return sql(
            "parcours.last_time({value}, {at}, {zone})",
            value=value,
            at=builder.bind(moment, "time"),
            zone=builder.zone(),
        )
    return shifted(builder, value, -Duration.parse(moment, signed=True))


def instant(builder: PredicateBuilder, moment: Moment) -> Sql:
    """A query of the instant of a moment that no text makes relative; of a path, the first one."""
    if not isinstance(moment, _References):
        return sql("(select {instant})", instant=_plain(builder, moment))
    values = builder.operand(moment)
    return sql("(select {instant})", instant=_moved(builder, moment, _first(values)))


def next_instant(builder: PredicateBuilder, moment: _References) -> Sql:
    """When a yearly moment becomes the next year's; null without one."""
    over = _anniversary_over(builder, _first(builder.operand(moment)))
    return sql("(select {over})", over=over)


def shifted(builder: PredicateBuilder, instant: Sql, by: Duration) -> Sql:
    """The instant a duration later, by the contact's calendar."""
    return sql(
        "parcours.shift({instant}, {units}, {zone})",
        instant=instant,
        units=_units(builder, by),
        zone=builder.zone(),
    )


def shifted_from_judged(builder: PredicateBuilder, by: Duration) -> Sql:
    """The instant of the judgement, a duration later; computed once for all events."""
    start = shifted(builder, builder.judged, by)
    if builder.shared is not None:
        key = (by.years * 12 + by.months, by.weeks * 7 + by.days, by.exact)
        found = builder.shared.shift(key, start)
        if found is not None:
            return found
    return sql("(select {start})", start=start)


def slack(duration: Duration) -> Sql | None:
    """How far a shift there and a shift back may lead from each other; None for exact durations."""
    if duration.months or duration.years:
        # Ends of months, a leap day, and a change of clocks of up to a day.
        return sql("interval '5 days'")
    return sql("interval '2 days'") if duration.days or duration.weeks else None


def _plain(builder: PredicateBuilder, moment: str | int | float) -> Sql:
    if moment == "entry":
        # A run that begins by API has no event, and one that would begin now has no row.
        return sql(
            "coalesce((select t.occurred_at from event t where t.id = r.entry_event_id),"
            " (select t.started_at from run t where t.id = r.id), {judged})",
            judged=builder.judged,
        )
    return sql(
        "parcours.instant({literal}, {zone})",
        literal=builder.literal(moment).sql,
        zone=builder.zone(),
    )


def _moved(builder: PredicateBuilder, moment: _References, value: Sql) -> Sql:
    """The instant that follows from the JSON `value` of a reference."""
    zone = builder.zone()
    base = sql("parcours.instant({value}, {zone})", value=value, zone=zone)
    if moment.every is None and moment.offset is None and moment.at is None:
        return base
    offset = Duration.parse(moment.offset, signed=True) if moment.offset else Duration()
    return sql(
        "parcours.moment({base}, {now}, {zone}, {every}, {offset}, {at})",
        base=base,
        now=builder.judged,
        zone=zone,
        every=sql("true") if moment.every else sql("false"),
        offset=_units(builder, offset),
        at=builder.bind(moment.at, "time"),
    )


def _anniversary_over(builder: PredicateBuilder, value: Sql) -> Sql:
    zone = builder.zone()
    return sql(
        "parcours.anniversary_over(parcours.instant({value}, {zone}), {now}, {zone})",
        value=value,
        zone=zone,
        now=builder.judged,
    )


def _first(values: Values) -> Sql:
    if not values.rows:
        return values.sql
    rows = join(", ", values.rows)
    return sql(
        "(select {value} from {rows} where {value} is not null limit 1)",
        value=values.sql,
        rows=rows,
    )


def _units(builder: PredicateBuilder, duration: Duration) -> Sql:
    """The arguments of `parcours.shift` and `parcours.moment`: months, days and exact time."""
    months = builder.bind(duration.years * 12 + duration.months, "integer")
    days = builder.bind(duration.weeks * 7 + duration.days, "integer")
    exact = builder.bind(f"{duration.exact.total_seconds():.6f} seconds", "interval")
    return join(", ", [months, days, exact])

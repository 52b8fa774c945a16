"""Bounds in time of the events that a condition counts: `within`, `since` and `before`.

They compare when events happened. An event is inside `within: W` until W after it happened, by the
contact's calendar, and a relative `since` or `before` passes it in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from journeys.model.conditions import EventCondition
from journeys.model.moments import is_relative
from journeys.time.durations import Duration
from store.conditions.relative_moments import (
    Moment,
    exceeds,
    instant,
    next_instant,
    shifted,
    shifted_from_judged,
    slack,
)
from store.conditions.sql_values import PredicateBuilder
from store.conditions.verdicts import NEVER
from store.sql import Sql, sql

# The entry event; for a run without one, the id that the next event at its start would have had.
_ENTRY = sql("coalesce(r.entry_event_id, r.entry_ref + 1)")
_A_DAY_OR_TWO = sql("interval '3 days'")
_EVERY = sql("true")
_NO_SLACK = sql("interval '0'")


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound: a boolean expression over a row of `event`; null, so false, where it is missing.

    `leaves` and `enters` change once for each event; `jumps` changes at one instant for all.
    """

    change: Literal["never", "leaves", "enters", "jumps"]
    holds: Sql
    turns: Sql = NEVER
    """The instant from which on an event is outside, inside, or is to be compared again."""
    near: Sql = _EVERY
    """A range by index that has all events whose change is still to come."""
    slack: Sql = _NO_SLACK
    """How far an event may lie after one that leaves later."""

    @property
    def exact(self) -> bool:
        """Whether events leave in their order."""
        return self.slack is _NO_SLACK


def bounds(builder: PredicateBuilder, condition: EventCondition, event: Sql) -> list[Bound]:
    """The bounds of a condition over the row `event`.

    `entry` is a place in the order of events and compared by id; the entry event lies after it.
    """
    at = sql("{event}.occurred_at", event=event)
    found = []
    if condition.within is not None:
        found.append(_shifting(builder, "within", -Duration.parse(condition.within), at))
    for word, moment in (("since", condition.since), ("before", condition.before)):
        if moment is not None:
            found.append(_bound(builder, word, moment, event, at))
    return found


def _bound(builder: PredicateBuilder, word: str, moment: Moment, event: Sql, at: Sql) -> Bound:
    sign = sql(">=") if word == "since" else sql("<")
    if moment == "entry":
        return Bound(
            "never", sql("{event}.id {sign} {entry}", event=event, sign=sign, entry=_ENTRY)
        )
    if isinstance(moment, str) and is_relative(moment):
        if moment[:1] in ("+", "-"):
            return _shifting(builder, word, Duration.parse(moment, signed=True), at)
        return _stepping(builder, word, moment, at)
    # As a query of its own it is computed once, not for each event.
    holds = sql("{at} {sign} {instant}", at=at, sign=sign, instant=instant(builder, moment))
    if isinstance(moment, str | int | float) or moment.every is None:
        return Bound("never", holds)
    return Bound("jumps", holds, next_instant(builder, moment))


def _shifting(builder: PredicateBuilder, word: str, by: Duration, at: Sql) -> Bound:
    """A bound that lies a duration from the clock, compared by moving the event instead."""
    judged = builder.judged
    turns = shifted(builder, at, -by)
    if word != "within":
        turns = sql("({turns} + interval '1 microsecond')", turns=turns)
    start = shifted_from_judged(builder, by)
    margin = slack(by)
    sign = {"within": sql(">"), "since": sql(">="), "before": sql("<")}[word]
    change: Literal["leaves", "enters"] = "enters" if word == "before" else "leaves"
    if margin is None:
        holds = sql("{at} {sign} {start}", at=at, sign=sign, start=start)
        near = sql("{at} >= {start}", at=at, start=start)
        return Bound(change, holds, turns, near)
    low, high = (
        sql("({start} {sign} {margin})", start=start, sign=each, margin=margin)
        for each in (sql("-"), sql("+"))
    )
    if builder.shared is None:
        # As queries of their own they are computed once for all events.
        low, high = sql("(select {low})", low=low), sql("(select {high})", high=high)
    near = sql("{at} >= {low}", at=at, low=low)
    if word == "before":
        holds = sql(
            "({at} < {high} and ({at} < {low} or {judged} >= {turns}))",
            at=at,
            high=high,
            low=low,
            judged=judged,
            turns=turns,
        )
    else:
        holds = sql(
            "({at} >= {low} and ({at} >= {high} or {judged} < {turns}))",
            at=at,
            high=high,
            low=low,
            judged=judged,
            turns=turns,
        )
    return Bound(change, holds, turns, near, margin)


def _stepping(builder: PredicateBuilder, word: str, moment: str, at: Sql) -> Bound:
    """`now`, `today`, or the next time of day, which no event lies far before or behind."""
    judged = builder.judged
    turns = exceeds(builder, moment, at)
    near = sql("{at} >= (select {judged} - {few})", at=at, judged=judged, few=_A_DAY_OR_TWO)
    if word == "before":
        holds = sql("(not {near} or {judged} >= {turns})", near=near, judged=judged, turns=turns)
        return Bound("enters", holds, turns, near, _A_DAY_OR_TWO)
    holds = sql("({near} and {judged} < {turns})", near=near, judged=judged, turns=turns)
    return Bound("leaves", holds, turns, near, _A_DAY_OR_TWO)

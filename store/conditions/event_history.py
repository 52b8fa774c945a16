"""Conditions on a contact's events: a count, an aggregate of a property, and the latest place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from journeys.model.conditions import Comparison, EventCondition, NearCondition
from store.conditions.comparisons import Operators, compare, compare_where, operators_of
from store.conditions.leaf import Leaf
from store.conditions.sql_values import PredicateBuilder, Values
from store.conditions.time_bounds import Bound, bounds
from store.conditions.verdicts import NEVER, Verdict, all_of, earliest, later
from store.sql import Sql, integer, join, name, sql

_AGGREGATES = ("sum", "avg", "min", "max")
_MOST_LISTED: Final = 1_000
"""The highest count whose fall is followed exactly; with a higher one each leaving is looked at."""
_OUT_OF_ORDER: Final = 16
"""How many events of a calendar window may leave after newer ones and still be found exactly."""
_ON_COUNTS: Final[dict[str, Callable[[int, list[int | float]], bool]]] = {
    "is": lambda count, numbers: count in numbers,
    "in": lambda count, numbers: count in numbers,
    "is_not": lambda count, numbers: count not in numbers,
    "not_in": lambda count, numbers: count not in numbers,
    "gt": lambda count, numbers: bool(numbers) and count > numbers[0],
    "gte": lambda count, numbers: bool(numbers) and count >= numbers[0],
    "lt": lambda count, numbers: bool(numbers) and count < numbers[0],
    "lte": lambda count, numbers: bool(numbers) and count <= numbers[0],
}


def seen_by_run(builder: PredicateBuilder, event_name: str, event: Sql) -> Sql:
    """A boolean expression over the row `event`: of this name, of the contact, seen by the run,
    and recorded by the instant at which the condition is judged."""
    return sql(
        "{event}.contact_id = c.id and {event}.name = {event_name}"
        " and ({event}.run_id is null or {event}.run_id = r.id)"
        " and {event}.stamped_at <= {latest}",
        event=event,
        event_name=builder.text(event_name),
        latest=builder.latest,
    )


def compile_event(builder: PredicateBuilder, condition: EventCondition) -> Leaf:
    """A count or an aggregate of the contact's events, compared."""
    events = _Events.of(builder, condition)
    for word in _AGGREGATES:
        aggregate: dict[str, Comparison] | None = getattr(condition, word)
        if aggregate:
            ((path, comparison),) = aggregate.items()
            return _aggregate(builder, condition.event, word, path, comparison, events)
    return _count(builder, condition, events)


@dataclass(frozen=True, slots=True)
class _Events:
    """The events that a condition counts: their row's alias, and what is asked of it."""

    row: Sql
    tests: tuple[Sql, ...]
    """Boolean expressions that time does not change."""
    bounds: tuple[Bound, ...]
    """Those of the bounds that time moves."""
    where: Verdict | None
    """What is asked of the properties, if time can change it."""
    judged: Sql
    asked: bool
    """Whether the next change is asked for."""

    @classmethod
    def of(cls, builder: PredicateBuilder, condition: EventCondition) -> Self:
        row = builder.alias()
        found = bounds(builder, condition, row)
        tests = [seen_by_run(builder, condition.event, row)]
        tests += [bound.holds for bound in found if bound.change == "never"]
        where = compare_where(builder, condition.where, row) if condition.where else None
        if where is not None and where.next is None:
            tests.append(where.holds)
            where = None
        return cls(
            row,
            tuple(tests),
            tuple(bound for bound in found if bound.change != "never"),
            where,
            builder.judged,
            builder.timed,
        )

    def inside(self, lateral: Sequence[Sql] = (), *more: Sql) -> Sql:
        """`from` and `where` of the events that count, and of rows made from each of them."""
        moving = [bound.holds for bound in self.bounds]
        where = [self.where.holds] if self.where is not None else []
        return _rows(self.row, [*self.tests, *moving, *where, *more], lateral)

    @property
    def timed(self) -> bool:
        """Whether it is asked when another set of events counts, and time can change that."""
        return self.asked and (bool(self.bounds) or self.where is not None)

    @property
    def changes(self) -> set[str]:
        """How time changes which events count."""
        found: set[str] = {bound.change for bound in self.bounds}
        return found if self.where is None else found | {"jumps"}

    @property
    def turns(self) -> Sql:
        """When an event leaves, of bounds that it leaves; when it is in, of those it enters."""
        function = "least" if self.changes == {"leaves"} else "greatest"
        turns = [bound.turns for bound in self.bounds]
        if len(turns) == 1:
            return turns[0]
        return sql("{function}({turns})", function=name(function), turns=join(", ", turns))

    def next_change(self) -> Sql:
        """The first instant at which another set of events counts."""
        if self.changes == {"leaves"}:
            return self._first_leaving()
        parts = [Verdict(bound.holds, later(bound.turns, self.judged)) for bound in self.bounds]
        if self.where is not None:
            parts.append(self.where)
        turning = all_of(parts).next
        assert turning is not None
        near = [bound.near for bound in self.bounds if bound.change == "leaves"]
        if not near and self.where is None:
            # Events that have entered stay.
            near = [bound.near for bound in self.bounds]
        return earliest(turning, _rows(self.row, [*self.tests, *near]))

    def _first_leaving(self) -> Sql:
        # In one window events leave in their order, but for the slack.
        margins = [bound.slack for bound in self.bounds]
        margin = margins[0] if len(margins) == 1 else sql(
            "greatest({margins})", margins=join(", ", margins)
        )  # fmt: skip
        oldest = sql(
            "{row}.occurred_at <= (select {row}.occurred_at {rows}"
            " order by {row}.occurred_at limit 1) + {margin}",
            row=self.row,
            rows=self.inside(),
            margin=margin,
        )
        rows = self.inside((), oldest) if len(self.bounds) == 1 else self.inside()
        return earliest(self.turns, rows)

    def nth_leaving(self, falls: Sequence[int], limit: int) -> Sql:
        """When so many events have left that the number of the rest falls below one of these.

        `falls` are the numbers of events at which the condition is not as it is with one less: the
        verdict falls with the event in that place from the newest on. `limit` is the highest number
        that differs from higher ones.
        """
        # Some more than the limit, since in calendar windows an older event may leave later.
        exact = all(bound.exact for bound in self.bounds)
        rows = sql(
            "select {turns} as turns {rows} order by {row}.occurred_at desc limit {limit}",
            turns=self.turns,
            rows=self.inside(),
            row=self.row,
            limit=integer(limit if exact else limit + _OUT_OF_ORDER),
        )
        return sql(
            "coalesce((select (array_agg(n.turns order by n.turns desc))"
            "[case {falls} else 0 end] from ({rows}) n), {never})",
            falls=join(
                " ",
                [
                    sql("when count(*) >= {fall} then {fall}", fall=integer(fall))
                    for fall in sorted(falls, reverse=True)
                ],
            ),
            rows=rows,
            never=NEVER,
        )


def _rows(event: Sql, tests: Sequence[Sql], lateral: Sequence[Sql] = ()) -> Sql:
    """`from` and `where` of the events that meet the tests, and of rows made from each of them."""
    return sql(
        "from {sources} where {tests}",
        sources=join(", ", [sql("event {event}", event=event), *lateral]),
        tests=join(" and ", tests),
    )


def _count(builder: PredicateBuilder, condition: EventCondition, events: _Events) -> Leaf:
    operators = {"gte": 1} if condition.count is None else operators_of(condition.count)
    enough = _enough(operators)
    limit = sql("") if enough is None else sql(" limit {enough}", enough=integer(enough))
    rows = events.inside()
    value = builder.computed(
        sql("select to_jsonb(count(*)) from (select {rows}{limit}) n", rows=rows, limit=limit)
    )
    verdict = compare(builder, value, operators)
    holds = verdict.holds
    if operators == {"gte": 1}:
        holds = sql("exists (select {rows})", rows=rows)
    elif operators == {"is": 0}:
        holds = sql("not exists (select {rows})", rows=rows)
    next_change = _next_of_count(events, operators, enough, value) if events.timed else None
    return Leaf.of(
        f"event {condition.event}",
        Verdict(holds, _least(verdict.next, next_change)),
        value, builder, operators,
    )  # fmt: skip


def _next_of_count(events: _Events, operators: Operators, enough: int | None, value: Values) -> Sql:
    truths = None if enough is None or enough > _MOST_LISTED else truths_of_counts(
        operators, enough
    )  # fmt: skip
    if truths is None or enough is None:
        return events.next_change()
    changes = [count for count in range(1, len(truths)) if truths[count] is not truths[count - 1]]
    if events.changes == {"leaves"}:
        return events.nth_leaving(changes, enough) if changes else NEVER
    if events.changes == {"enters"}:
        # From the last change on, nothing that enters changes it.
        count = integer(changes[-1] if changes else 0)
        last = Values(value.sql, value.rows).any(
            lambda x: sql("({x})::numeric >= {count}", x=x, count=count)
        )
        return sql(
            "case when {last} then {never} else {next} end",
            last=last,
            never=NEVER,
            next=events.next_change(),
        )
    return events.next_change()


def _least(one: Sql | None, other: Sql | None) -> Sql | None:
    if one is None or other is None:
        return one or other
    return sql("least({one}, {other})", one=one, other=other)


def _enough(operators: Operators) -> int | None:
    """The count from which on a higher one changes nothing; None if it depends on a reference."""
    enough = 1
    for word, operand in operators.items():
        for number in operand if isinstance(operand, list) else [operand]:
            if isinstance(number, bool) or not isinstance(number, int | float):
                if not isinstance(number, str | bool | None):
                    return None
                continue
            most = math.ceil(number) if word in ("gte", "lt") else math.floor(number) + 1
            enough = max(enough, most)
    return enough


def truths_of_counts(operators: Operators, most: int) -> list[bool] | None:
    """Whether each number of events, from 0 to `most`, meets the operators.

    None if that cannot be said before they are counted.
    """
    tests = []
    for word, operand in operators.items():
        if word not in _ON_COUNTS:
            return None
        asked = operand if isinstance(operand, list) else [operand]
        if word in ("in", "not_in") and not isinstance(operand, list):
            return None
        # Only numbers compare with a number: text and truth values equal none.
        numbers = [n for n in asked if isinstance(n, int | float) and not isinstance(n, bool)]
        tests.append((_ON_COUNTS[word], numbers))
    return [all(test(count, numbers) for test, numbers in tests) for count in range(most + 1)]


def _aggregate(
    builder: PredicateBuilder,
    event_name: str,
    word: str,
    path: str,
    comparison: Comparison,
    events: _Events,
) -> Leaf:
    reached = builder.reach(sql("{event}.properties", event=events.row), path)
    aggregate = sql(
        "{function}(case jsonb_typeof({value}) when 'number' then ({value})::numeric end)",
        function=name(word),
        value=reached.sql,
    )
    if word == "sum":
        # The sum of nothing is 0; its average, least and greatest are missing.
        aggregate = sql("coalesce({aggregate}, 0)", aggregate=aggregate)
    value = builder.computed(
        sql(
            "select to_jsonb({aggregate}) {rows}",
            aggregate=aggregate,
            rows=events.inside(reached.rows),
        )
    )
    operators = operators_of(comparison)
    label = f"{word} of {path} in event {event_name}"
    compared = compare(builder, value, operators)
    next_change = _least(compared.next, events.next_change() if events.timed else None)
    return Leaf.of(label, Verdict(compared.holds, next_change), value, builder, operators)


def compile_near(builder: PredicateBuilder, condition: NearCondition) -> Leaf:
    """The contact's latest place lies within a distance of one of the places."""
    near = condition.near
    event, place = builder.alias(), builder.alias()
    latest = sql(
        "(select {event}.properties from event {event}"
        " where {seen} order by {event}.occurred_at desc, {event}.id desc limit 1)",
        event=event,
        seen=seen_by_run(builder, "Location Updated", event),
    )
    if near.places is None:
        places = sql(
            "(values (jsonb_build_object('lat', {lat}, 'lon', {lon}))) as {place}(value)",
            lat=builder.literal(near.lat).sql,
            lon=builder.literal(near.lon).sql,
            place=place,
        )
    else:
        places = sql(
            "(select e.value from document d, jsonb_array_elements(d.document -> 'list') e"
            " where d.kind = 'places' and d.key = {key}) as {place}",
            key=builder.text(near.places),
            place=place,
        )
    distance = sql(
        "(select min(parcours.kilometres({latest}, {place}.value)) from {places})",
        latest=latest,
        place=place,
        places=places,
    )
    km = builder.bind(near.km, "float8")
    return Leaf(
        f"kilometres to {near.places or f'{near.lat:g}, {near.lon:g}'}",
        Verdict(sql("coalesce({distance} <= {km}, false)", distance=distance, km=km)),
        sql("to_jsonb({distance})", distance=distance),
        {"lte": near.km},
        lambda seen: sql("coalesce(({seen})::float8 <= {km}, false)", seen=seen, km=km),
    )

"""Conditions on a contact's events: a count, an aggregate of a property, and the latest place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from journeys.model.conditions import Comparison, EventCondition, NearCondition
from store.conditions.comparisons import compare, compare_where, operators_of
from store.conditions.leaf import Leaf
from store.conditions.sql_values import PredicateBuilder
from store.conditions.time_bounds import bounds
from store.sql import Sql, integer, join, name, sql

_AGGREGATES = ("sum", "avg", "min", "max")


def seen_by_run(builder: PredicateBuilder, event_name: str, event: Sql) -> Sql:
    """A boolean expression over the row `event`: of this name, of the contact, seen by the run."""
    return sql(
        "{event}.contact_id = c.id and {event}.name = {event_name}"
        " and ({event}.run_id is null or {event}.run_id = r.id)",
        event=event,
        event_name=builder.text(event_name),
    )


def compile_event(builder: PredicateBuilder, condition: EventCondition) -> Leaf:
    """A count or an aggregate of the contact's events, compared."""
    event = builder.alias()
    tests = [
        seen_by_run(builder, condition.event, event),
        *bounds(builder, condition, event),
    ]
    if condition.where:
        tests.append(compare_where(builder, condition.where, event))
    for word in _AGGREGATES:
        aggregate: dict[str, Comparison] | None = getattr(condition, word)
        if aggregate:
            ((path, comparison),) = aggregate.items()
            return _aggregate(builder, condition.event, word, path, comparison, event, tests)
    return _count(builder, condition, event, tests)


def _rows(event: Sql, tests: Sequence[Sql], lateral: Sequence[Sql] = ()) -> Sql:
    """`from` and `where` of the events that meet the tests, and of rows made from each of them."""
    return sql(
        "from {sources} where {tests}",
        sources=join(", ", [sql("event {event}", event=event), *lateral]),
        tests=join(" and ", tests),
    )


def _count(
    builder: PredicateBuilder, condition: EventCondition, event: Sql, tests: Sequence[Sql]
) -> Leaf:
    count = condition.count
    rows = _rows(event, tests)
    operators = {"gte": 1} if count is None else operators_of(count)
    enough = _enough(operators)
    limit = sql("") if enough is None else sql(" limit {enough}", enough=integer(enough))
    # From the newest on, where those within the bounds are.
    counted = sql(
        "select to_jsonb(count(*)) from (select {rows} order by {event}.id desc{limit}) n",
        rows=rows,
        event=event,
        limit=limit,
    )
    value = builder.computed(counted)
    if operators == {"gte": 1} and condition.within is None and condition.since is None:
        holds = sql("exists (select {rows})", rows=rows)
    elif operators == {"is": 0} and condition.within is None and condition.since is None:
        holds = sql("not exists (select {rows})", rows=rows)
    else:
        holds = compare(builder, value, operators)
    return Leaf.of(f"event {condition.event}", holds, value, builder, operators)


def _enough(operators: dict[str, Any]) -> int | None:
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


def _aggregate(
    builder: PredicateBuilder,
    event_name: str,
    word: str,
    path: str,
    comparison: Comparison,
    event: Sql,
    tests: Sequence[Sql],
) -> Leaf:
    reached = builder.reach(sql("{event}.properties", event=event), path)
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
            rows=_rows(event, tests, reached.rows),
        )
    )
    operators = operators_of(comparison)
    label = f"{word} of {path} in event {event_name}"
    return Leaf.of(label, compare(builder, value, operators), value, builder, operators)


def compile_near(builder: PredicateBuilder, condition: NearCondition) -> Leaf:
    """The contact's latest place lies within a distance of one of the places."""
    near = condition.near
    event, place = builder.alias(), builder.alias()
    latest = sql(
        "(select {event}.properties from event {event}"
        " where {seen} order by {event}.id desc limit 1)",
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
        sql("coalesce({distance} <= {km}, false)", distance=distance, km=km),
        sql("to_jsonb({distance})", distance=distance),
        {"lte": near.km},
        lambda seen: sql("coalesce(({seen})::float8 <= {km}, false)", seen=seen, km=km),
    )

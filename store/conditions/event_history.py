"""Conditions on what a contact did: how often, what it adds up to, and where it was last."""

from __future__ import annotations

import math
from typing import Any

from journeys.model.conditions import Comparison, EventCondition, NearCondition
from store.conditions.comparisons import compare, compare_where, operators_of
from store.conditions.leaf import Leaf
from store.conditions.sql_values import Statement
from store.conditions.time_bounds import bounds

_AGGREGATES = ("sum", "avg", "min", "max")


def seen_by_run(statement: Statement, name: str, event: str) -> str:
    """A boolean expression over the row `event`: of this name, of the contact, seen by the run."""
    return (
        f"{event}.contact_id = c.id and {event}.name = {statement.text(name)}"
        f" and ({event}.run_id is null or {event}.run_id = r.id)"
    )


def compile_event(statement: Statement, condition: EventCondition) -> Leaf:
    """A count or an aggregate of the contact's events, compared."""
    event = statement.alias()
    tests = [
        seen_by_run(statement, condition.event, event),
        *bounds(statement, condition, event),
    ]
    if condition.where:
        tests.append(compare_where(statement, condition.where, event))
    rows = f"from event {event} where {' and '.join(tests)}"
    for word in _AGGREGATES:
        asked: dict[str, Comparison] | None = getattr(condition, word)
        if asked:
            ((path, comparison),) = asked.items()
            return _aggregate(statement, condition.event, word, path, comparison, event, rows)
    return _count(statement, condition, event, rows)


def _count(statement: Statement, condition: EventCondition, event: str, rows: str) -> Leaf:
    count = condition.count
    operators = {"gte": 1} if count is None else operators_of(count)
    enough = _enough(operators)
    limit = "" if enough is None else f" limit {enough}"
    counted = f"select to_jsonb(count(*)) from (select {rows} order by {event}.id desc{limit}) n"
    value = statement.computed(counted)
    if operators == {"gte": 1} and condition.within is None and condition.since is None:
        sql = f"exists (select {rows})"
    elif operators == {"is": 0} and condition.within is None and condition.since is None:
        sql = f"not exists (select {rows})"
    else:
        # From the newest on, where those within the bounds are.
        sql = compare(statement, value, operators)
    return Leaf.of(f"event {condition.event}", sql, value, statement, operators)


def _enough(operators: dict[str, Any]) -> int | None:
    """A count from which on no higher one changes the answer; None if that cannot be told."""
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
    statement: Statement,
    name: str,
    word: str,
    path: str,
    comparison: Comparison,
    event: str,
    rows: str,
) -> Leaf:
    reached = statement.reach(f"{event}.properties", path)
    number = f"case jsonb_typeof({reached.sql}) when 'number' then ({reached.sql})::numeric end"
    inner = "".join(f", {each}" for each in reached.rows)
    folded = f"{word}({number})"
    if word == "sum":
        # The sum of nothing is 0; its average, least and greatest are missing.
        folded = f"coalesce({folded}, 0)"
    rows = rows.replace(f"from event {event}", f"from event {event}{inner}", 1)
    value = statement.computed(f"select to_jsonb({folded}) {rows}")
    operators = operators_of(comparison)
    sql = compare(statement, value, operators)
    return Leaf.of(f"{word} of {path} in event {name}", sql, value, statement, operators)


def compile_near(statement: Statement, condition: NearCondition) -> Leaf:
    """The contact's latest place lies within a distance of one of the places."""
    near = condition.near
    event, place = statement.alias(), statement.alias()
    latest = (
        f"(select {event}.properties from event {event}"
        f" where {seen_by_run(statement, 'Location Updated', event)}"
        f" order by {event}.id desc limit 1)"
    )
    if near.places is None:
        point = f"{statement.literal(near.lat).sql}, 'lon', {statement.literal(near.lon).sql}"
        there = f"(values (jsonb_build_object('lat', {point}))) as {place}(value)"
    else:
        there = (
            f"(select e.value from document d, jsonb_array_elements(d.document -> 'list') e"
            f" where d.kind = 'places' and d.key = {statement.text(near.places)}) as {place}"
        )
    distance = f"(select min(parcours.kilometres({latest}, {place}.value)) from {there})"
    km = statement.bind(near.km, "float8")
    return Leaf(
        f"kilometres to {near.places or f'{near.lat:g}, {near.lon:g}'}",
        f"coalesce({distance} <= {km}, false)",
        f"to_jsonb({distance})",
        {"lte": near.km},
        lambda seen: f"coalesce(({seen})::float8 <= {km}, false)",
    )

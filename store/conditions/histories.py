"""Conditions on what a contact did: how often, what it adds up to, and where it was last."""

from __future__ import annotations

import math
from typing import Any

from journeys.conditions import Comparison, EventCondition, NearCondition
from store.conditions.bounds import bounds
from store.conditions.comparing import compare, compare_where, expected, operators_of
from store.conditions.predicate import Witness
from store.conditions.values import Statement

_AGGREGATES = ("sum", "avg", "min", "max")


def seen_by_run(statement: Statement, name: str, event: str) -> str:
    """A boolean expression over the row `event`: of this name, of the contact, seen by the run."""
    return (
        f"{event}.contact_id = c.id and {event}.name = {statement.text(name)}"
        f" and ({event}.run_id is null or {event}.run_id = r.id)"
    )


def compile_event(statement: Statement, condition: EventCondition) -> tuple[str, Witness]:
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


def _count(
    statement: Statement, condition: EventCondition, event: str, rows: str
) -> tuple[str, Witness]:
    count = condition.count
    operators = {"gte": 1} if count is None else operators_of(count)
    enough = _enough(operators)
    limit = "" if enough is None else f" limit {enough}"
    counted = f"select to_jsonb(count(*)) from (select {rows} order by {event}.id desc{limit}) n"
    value = statement.computed(counted)
    witness = Witness(f"event {condition.event}", value.all_as_one(), expected(operators))
    if operators == {"gte": 1}:
        return f"exists (select {rows})", witness
    if operators == {"is": 0}:
        return f"not exists (select {rows})", witness
    return compare(statement, value, operators), witness


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
) -> tuple[str, Witness]:
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
    witness = Witness(f"{word} of {path} in event {name}", value.all_as_one(), expected(operators))
    return compare(statement, value, operators), witness


def compile_near(statement: Statement, condition: NearCondition) -> tuple[str, Witness]:
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
    witness = Witness(
        f"kilometres to {near.places or f'{near.lat:g}, {near.lon:g}'}",
        f"to_jsonb({distance})",
        {"lte": near.km},
    )
    return f"coalesce({distance} <= {statement.bind(near.km, 'float8')}, false)", witness

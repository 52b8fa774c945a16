"""Matching of events with a trigger: a stored row keeps name and equalities, SQL tests the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from journeys.model.conditions import Comparison, Where
from journeys.model.paths import first
from journeys.model.triggers import EventTrigger, Goal, MessageGoal, MessageTrigger
from journeys.model.values import AttributeReference, EntryReference, StepReference
from journeys.model.well_known_events import STATUS_EVENTS
from store.conditions import compile_where, split_where
from store.sql import Sql, parameter, sql

_NOT_A_MACHINE = sql("coalesce(e.properties->>'by', 'human') <> 'machine'")


def _of_latest_message(step: Sql) -> Sql:
    """The event is of the run's latest message of the step."""
    return sql(
        "e.properties->>'message_id' = (select m.id::text from message m where m.run_id = r.id"
        " and m.step = {step} order by m.visit desc limit 1)",
        step=step,
    )


def _of_any_message(step: Sql) -> Sql:
    """The event is of any message of the run at the step: goals count every message."""
    return sql(
        "exists (select from message m where m.run_id = r.id and m.step = {step}"
        " and m.id::text = e.properties->>'message_id')",
        step=step,
    )


@dataclass(frozen=True)
class Matching:
    """The requirements of a trigger on an event."""

    event_name: str
    equal: dict[str, Any]
    """Parts of `where` that go into the row's `match`; references to the entry unresolved."""
    tests: tuple[Sql, ...]
    """What `match` leaves out: boolean expressions over the rows `e` (the event), `r` and `c`."""
    params: dict[str, Any]
    rest: bool
    """There is more to test than the name and `match`."""


def match_trigger(
    trigger: EventTrigger | MessageTrigger | Goal, prefix: str, default_zone: str = "UTC"
) -> Matching:
    """The requirements of `trigger`; the names of its parameters begin with `prefix`.

    `default_zone` is that of contacts without a time zone.
    """
    equal, rest = _split(trigger.where)
    tests: list[Sql] = []
    params: dict[str, Any] = {}
    if rest:
        where = compile_where(rest, event="e", prefix=prefix, default_zone=default_zone)
        params |= where.params
        tests.append(where.sql)
    if isinstance(trigger, MessageTrigger):
        event_name = STATUS_EVENTS[trigger.is_]
        params[f"{prefix}step"] = trigger.message
        of_message = _of_any_message if isinstance(trigger, MessageGoal) else _of_latest_message
        tests += [of_message(parameter(f"{prefix}step")), _NOT_A_MACHINE]
    else:
        event_name = trigger.event
    more = bool(tests)
    referring: Where = {
        path: Comparison.model_validate({"is": operand})
        for path, operand in equal.items()
        if isinstance(operand, EntryReference)
    }
    if referring:
        # `match` tests containment; an object or a list must be equal.
        exact = compile_where(referring, event="e", prefix=f"{prefix}x")
        params |= exact.params
        tests.append(exact.sql)
    return Matching(event_name, equal, tuple(tests), params, rest=more)


def resolve_match(equal: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any] | None:
    """`match` of a run with this entry; None if it asks for a property that the entry lacks."""
    match: dict[str, Any] = {}
    for path, operand in equal.items():
        value = first(entry, operand.entry) if isinstance(operand, EntryReference) else operand
        if value is None:
            return None
        match[path] = value
    return match


def needs_exact_test(match: dict[str, Any]) -> bool:
    """Whether containment is weaker than equality: for an object or a list."""
    return any(isinstance(value, dict | list) for value in match.values())


def _split(where: Where) -> tuple[dict[str, Any], Where]:
    """The equalities with plain values and with the entry, which never change; and the rest."""
    equal, rest = split_where(where)
    fixed: dict[str, Any] = {}
    for path, operand in equal.items():
        if operand is None or isinstance(operand, AttributeReference | StepReference):
            rest = {**rest, path: Comparison.model_validate({"is": operand})}
        else:
            fixed[path] = operand
    return fixed, rest

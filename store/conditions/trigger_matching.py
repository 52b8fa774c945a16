"""Which events fire a trigger: a row keeps name and equalities, and SQL tests the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from journeys.model.conditions import Comparison, Where
from journeys.model.paths import first
from journeys.model.triggers import EventTrigger, Goal, MessageGoal, MessageTrigger
from journeys.model.values import AttributeReference, EntryReference, StepReference
from journeys.model.well_known_events import STATUS_EVENTS
from store.conditions import compile_where, split_where

_NOT_A_MACHINE = "coalesce(e.properties->>'by', 'human') <> 'machine'"
_LATEST_MESSAGE = (
    "e.properties->>'message_id' = (select m.id::text from message m where m.run_id = r.id"
    " and m.step = %({step})s order by m.visit desc limit 1)"
)
# Each of the run's messages of that step counts: a goal is no state of the latest.
_RUNS_MESSAGE = (
    "exists (select from message m where m.run_id = r.id and m.step = %({step})s"
    " and m.id::text = e.properties->>'message_id')"
)


@dataclass(frozen=True)
class Matching:
    """What an event must be like."""

    event_name: str
    equal: dict[str, Any]
    """Parts of `where` that go into the row's `match`; references to the entry unresolved."""
    tests: tuple[str, ...]
    """Boolean expressions over the rows `e` (the event), `r` and `c`: what the row can't tell."""
    params: dict[str, Any]
    rest: bool
    """There is more to test than the name and `match`."""


def match_trigger(trigger: EventTrigger | MessageTrigger | Goal, prefix: str) -> Matching:
    """What fires `trigger`; the names of its parameters begin with `prefix`."""
    equal, rest = _split(trigger.where)
    tests: list[str] = []
    params: dict[str, Any] = {}
    if rest:
        where = compile_where(rest, event="e", prefix=prefix)
        params |= where.params
        tests.append(where.sql)
    if isinstance(trigger, MessageTrigger):
        event_name = STATUS_EVENTS[trigger.is_]
        params[f"{prefix}step"] = trigger.message
        message = _RUNS_MESSAGE if isinstance(trigger, MessageGoal) else _LATEST_MESSAGE
        tests += [message.format(step=f"{prefix}step"), _NOT_A_MACHINE]
    else:
        event_name = trigger.event
    more = bool(tests)
    referring: Where = {
        path: Comparison.model_validate({"is": operand})
        for path, operand in equal.items()
        if isinstance(operand, EntryReference)
    }
    if referring:
        # `match` contains; an object or a list must be equal.
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
    """Whether containment says less than equality: of an object or a list."""
    return any(isinstance(value, dict | list) for value in match.values())


def _split(where: Where) -> tuple[dict[str, Any], Where]:
    """Equality on plain values and on references to the entry, which never change; and the rest."""
    equal, rest = split_where(where)
    fixed: dict[str, Any] = {}
    for path, operand in equal.items():
        if operand is None or isinstance(operand, AttributeReference | StepReference):
            rest = {**rest, path: Comparison.model_validate({"is": operand})}
        else:
            fixed[path] = operand
    return fixed, rest

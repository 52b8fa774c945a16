"""Conditions that can never hold, or always do, wherever they stand in a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from journeys.checks.comparisons import findings
from journeys.checks.meeting_operators import is_reversed
from journeys.checks.value_domains import (
    ANYTHING,
    COUNT,
    Domain,
    of_aggregate,
    of_attribute,
    of_outcome,
    of_output,
)
from journeys.model.conditions import (
    OPERATORS,
    AllCondition,
    AnyCondition,
    AttributeCondition,
    Comparison,
    EntryCondition,
    EventCondition,
    StepCondition,
)
from journeys.model.document_parts import Part
from journeys.model.outcomes import impossible_outcomes, outcomes
from journeys.model.problems import Path, Problem
from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import Step
from journeys.model.triggers import AttributeEntry
from journeys.time.durations import Duration

AGGREGATES = ("sum", "avg", "min", "max")


def condition_problems(part: Part, steps: Mapping[str, Step]) -> Iterator[Problem]:
    """What can never be true in a part of a document, as errors, and what always is, as warnings.

    `steps` are those that the conditions may name.
    """
    model = part.model
    if isinstance(model, AnyCondition) and not model.any:
        yield part.problem("never", "none of no conditions holds, so this never does", None, "any")
    elif isinstance(model, AllCondition) and not model.all:
        message = "all of no conditions hold, so this always does"
        yield _warning(part.problem("always", message, "leave it out", "all"))
    elif isinstance(model, AttributeCondition):
        yield from _compared(part, model, of_attribute(model.attribute), ())
    elif isinstance(model, EntryCondition):
        yield from _compared(part, model, ANYTHING, ())
    elif isinstance(model, StepCondition):
        domain = _of_step(model, steps)
        if domain is not None:
            yield from _compared(part, model, domain, ())
    elif isinstance(model, AttributeEntry):
        yield from _change(part, model)
    elif isinstance(model, EventCondition):
        yield from _measured(part, model)
        yield from _period(part, model)
    where = getattr(model, "where", None)
    if isinstance(where, dict):
        yield from _properties(part, where, ("where",))


def _of_step(condition: StepCondition, steps: Mapping[str, Step]) -> Domain | None:
    step = steps.get(condition.step)
    if condition.property not in (None, "outcome"):
        return of_output(str(condition.property))
    if step is None or any(outcome not in outcomes(step) for outcome in _texts(condition)):
        # It is a reference to nothing, which is said of references.
        return None
    never = impossible_outcomes(step)
    for outcome in STEP_KINDS[step.kind].untested:
        never.pop(outcome, None)
    return of_outcome(step.id, outcomes(step), never)


def _texts(condition: StepCondition) -> Iterator[str]:
    for word, operand in condition.operators().items():
        if word in ("is", "is_not", "in", "not_in"):
            listed = operand if isinstance(operand, list) else [operand]
            yield from (each for each in listed if isinstance(each, str))


def _compared(part: Part, comparison: Any, domain: Domain, inside: Path) -> Iterator[Problem]:
    operators = _operators(comparison)
    for finding in findings(operators, domain):
        word = (finding.word,) if isinstance(comparison, Comparison) else ()
        problem = Problem(
            "always" if finding.always else "never",
            finding.message,
            finding.hint,
            path=(*part.path, *inside, *word),
            step=part.step,
        )
        yield _warning(problem) if finding.always else problem
    elements = operators.get("any")
    if isinstance(elements, dict):
        if elements and all(name in OPERATORS for name in elements):
            yield _warning(_misread(part, next(iter(elements)), inside))
        yield from _properties(part, elements, (*inside, "any"))


def _misread(part: Part, word: str, inside: Path) -> Problem:
    """An operator right inside of `any`, which is read as the name of a property."""
    return Problem(
        "any",
        f"inside of `any` stand properties of an element, and `{word}` is read as one",
        f"write any: {{NAME: {{{word}: …}}}}, or `contains` for a list of plain values",
        path=(*part.path, *inside, "any"),
        step=part.step,
    )


def _operators(comparison: Any) -> dict[str, Any]:
    if isinstance(comparison, Comparison):
        return dict(comparison.operators())
    return {"in": comparison} if isinstance(comparison, list) else {"is": comparison}


def _properties(part: Part, where: Mapping[str, Any], inside: Path) -> Iterator[Problem]:
    for name, comparison in where.items():
        yield from _compared(part, comparison, ANYTHING, (*inside, name))


def _measured(part: Part, condition: EventCondition) -> Iterator[Problem]:
    if isinstance(condition.count, Comparison):
        yield from _compared(part, condition.count, COUNT, ("count",))
    for word in AGGREGATES:
        for name, comparison in (getattr(condition, word) or {}).items():
            yield from _compared(part, comparison, of_aggregate(word), (word, name))


def _change(part: Part, entry: AttributeEntry) -> Iterator[Problem]:
    domain = of_attribute(entry.attribute)
    given = {"from": entry.from_, "to": entry.to}
    for key, value in given.items():
        if value is not None:
            yield from _compared(part, value, domain, (key,))
    if entry.from_ is not None and entry.from_ == entry.to:
        message = "`from` and `to` are the same value, which is no change"
        yield part.problem("never", message, None, "to")


def _period(part: Part, condition: EventCondition) -> Iterator[Problem]:
    """Bounds in time between which no event can lie."""
    within, since, before = condition.within, condition.since, condition.before
    wrong = None
    if since == "now" or (isinstance(since, str) and since.startswith("+")):
        wrong = "since", "no event has happened in the future"
    elif within is not None and not Duration.parse(within).nominal():
        wrong = "within", "no event happens within no time at all"
    elif within is not None and is_reversed(f"-{within}", before):
        wrong = "before", f"nothing is within {within} and before {before} at once"
    elif since is not None and is_reversed(since, before):
        wrong = "before", f"nothing is since {since} and before {before} at once"
    if wrong is not None:
        key, message = wrong
        yield part.problem("never", message, None, key)


def _warning(problem: Problem) -> Problem:
    return replace(problem, severity="warning")

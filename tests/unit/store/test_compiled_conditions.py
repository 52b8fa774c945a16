"""Conditions of a version are compiled once, and apart from those of other revisions."""

from __future__ import annotations

from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from journeys.model.triggers import EventEntry
from store.definitions.compiled_conditions import CompiledConditions

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
FRENCH = CONDITION.validate_python({"attribute": "country", "is": "FR"})
BOUGHT = CONDITION.validate_python({"event": "Order Completed", "within": "30d"})


def test_the_same_conditions_are_compiled_once() -> None:
    compiled = CompiledConditions("Europe/Paris", {})
    assert compiled.question([FRENCH, BOUGHT]) is compiled.question([FRENCH, BOUGHT])
    assert compiled.start([BOUGHT]) is compiled.start([BOUGHT])
    entry = EventEntry.model_validate(
        {"event": "Order Completed", "where": {"total": {"gte": 5}}, "if": {"not": {"all": []}}}
    )
    where, holds = compiled.entry(entry)
    assert where is not None
    assert holds is not None
    assert compiled.entry(entry) == (where, holds)
    assert compiled.entry(entry)[1] is holds


def test_other_conditions_and_another_order_are_other_questions() -> None:
    compiled = CompiledConditions(None, {})
    both, turned = compiled.question([FRENCH, BOUGHT]), compiled.question([BOUGHT, FRENCH])
    labels = [[value.label for each in of.predicates for value in each.observed]
              for of in (both, turned)]  # fmt: skip
    assert labels[0] == list(reversed(labels[1]))
    equal = CONDITION.validate_python({"attribute": "country", "is": "FR"})
    assert compiled.question([equal]) is not compiled.question([FRENCH])


def test_a_condition_made_for_the_moment_leaves_no_wrong_answer_behind() -> None:
    compiled = CompiledConditions(None, {})
    for country in ("FR", "DE", "IT", "ES"):
        # Each may stand where the last one stood in memory.
        condition = CONDITION.validate_python({"attribute": "country", "is": country})
        question = compiled.question([condition])
        assert question.predicates[0].observed[0].expected == {"is": country}

"""Every kind of step and of entry is defined in its registry and in its union of models."""

from typing import Annotated, Any, get_args, get_origin

import pytest

from activities.deciding.decisions import DECIDERS
from journeys.compile.program_compiler import compile_program
from journeys.model.entry_kinds import ENTRY_KINDS, EntryKindName
from journeys.model.outcomes import impossible_outcomes, outcomes, output_properties
from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import Step
from journeys.model.triggers import Entry
from journeys.protocol.channels import SEND_KINDS
from journeys.protocol.program import KINDS, Kind
from tests.unit.journeys.examples import journey

MAIL = {"id": "m", "email": {"subject": "s", "text": "t", "topic": "o"}}
EXAMPLES: dict[str, Any] = {
    "email": MAIL["email"],
    "sms": {"text": "t", "topic": "o"},
    "webhook": {"url": "https://example.com"},
    "wait": "1d",
    "branch": [{"if": {"group": "g"}, "then": [MAIL]}],
    "split": [{"name": "a", "weight": 1, "then": [MAIL]}, {"name": "b", "weight": 1}],
    "update": {"unset": ["x"]},
    "group": {"add": ["g"]},
    "coupon": {"pool": "p"},
    "emit": {"event": "E"},
    "enter": {"journey": "k"},
    "goto": "s",
    "exit": "done",
}


def tagged_models(union: Any) -> dict[str, type]:
    """The models of a union by the key that chooses them."""
    members = get_args(get_args(union)[0])
    assert all(get_origin(member) is Annotated for member in members)
    return {get_args(member)[1].tag.strip("<>"): get_args(member)[0] for member in members}


def test_each_kind_of_step_is_in_the_registry_and_in_the_union() -> None:
    assert tuple(STEP_KINDS) == KINDS
    assert tagged_models(Step) == {name: kind.model for name, kind in STEP_KINDS.items()}
    assert {name: kind.model.kind for name, kind in STEP_KINDS.items()} == {k: k for k in KINDS}


def test_each_kind_of_step_is_sent_waited_for_or_decided() -> None:
    assert {*SEND_KINDS, *DECIDERS, "wait", "split"} == set(KINDS)
    assert not set(DECIDERS) & (SEND_KINDS | {"wait", "split"})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_step_has_a_node_and_outcomes(kind: Kind) -> None:
    written = journey(steps=[{"id": "s", kind: EXAMPLES[kind]}])
    step = written.step("s")
    node = compile_program(written).nodes[0]
    assert (node.id, node.kind) == ("s", kind)
    assert node.summary
    assert outcomes(step)[-1] == "skipped"
    assert set(node.arrows) <= set(outcomes(step))
    assert set(impossible_outcomes(step)) <= set(outcomes(step))
    assert output_properties(step)[:3] == ["outcome", "at", "visits"]
    if kind not in ("wait", "branch", "split"):
        words = [f"`{outcome}`" for outcome in outcomes(step)[:-1]]
        assert list(STEP_KINDS[kind].outcome_words) == words


def test_each_kind_of_entry_is_in_the_registry_and_in_the_union() -> None:
    assert tuple(ENTRY_KINDS) == get_args(EntryKindName)
    assert tagged_models(Entry) == {name: kind.model for name, kind in ENTRY_KINDS.items()}


def test_an_entry_kind_names_the_event_that_begins_its_runs() -> None:
    # Runs by API, by a date and by a schedule begin without an event.
    others = {"api", "date", "schedule"}
    eventful = {name for name, kind in ENTRY_KINDS.items() if kind.trigger is not None}
    assert eventful == set(ENTRY_KINDS) - others

"""Random valid journeys: with any outcomes, a run ends or waits."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.compile.flow import Flow
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.model.outcomes import outcomes
from journeys.model.steps import GotoStep, WaitStep
from journeys.protocol.program import advance, begin

CONDITION = {"group": "g"}


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    """Journeys of all working kinds of steps, nested, with jumps anywhere."""
    count = draw(st.integers(2, 12))
    ids = [f"s{number}" for number in range(count)]
    left = list(ids)

    def line(depth: int) -> list[dict[str, Any]]:
        steps = []
        while left and draw(st.integers(0, 5 + 2 * depth)) < 5:
            steps.append(one(left.pop(0), depth))
        return steps

    def one(name: str, depth: int) -> dict[str, Any]:
        kinds = ["wait", "update", "goto", "exit", "sms", "trigger"]
        kind = draw(st.sampled_from(kinds + ["branch"] * (2 if depth < 3 else 0)))
        step: dict[str, Any] = {"id": name}
        if draw(st.booleans()):
            step["if"] = CONDITION
        if kind == "wait":
            step["wait"] = "1d"
        elif kind == "trigger":
            step["wait"] = {"event": "E", "up_to": "1d"}
        elif kind == "update":
            step["update"] = {"unset": ["x"]}
        elif kind == "sms":
            step["sms"] = {"text": "t", "transactional": True}
        elif kind == "exit":
            step["exit"] = "over"
        elif kind == "goto":
            step |= {"goto": draw(st.sampled_from(ids)), "max_visits": draw(st.integers(1, 4))}
        else:
            ways: list[dict[str, Any]] = [
                {"if": CONDITION, "then": line(depth + 1)} for _ in range(draw(st.integers(1, 3)))
            ]
            if draw(st.booleans()):
                ways.append({"else": line(depth + 1)})
            step["branch"] = ways
        return step

    steps = [one(left.pop(0), 0)]
    while left:
        steps.append(one(left.pop(0), 0))
    return Journey.model_validate({"journey": "j", "entry": {"event": "X"}, "steps": steps})


def walk(journey: Journey, data: st.DataObject) -> list[str]:
    """The steps of one run, with outcomes drawn from those each step can have."""
    program = compile_program(journey)
    visits: Counter[str] = Counter()
    visited: list[str] = []
    cursor = begin(program)
    jumps = [step.max_visits for step in journey.all_steps() if isinstance(step, GotoStep)]
    bound = len(program.nodes) * (sum(jumps) + 1)
    while cursor.node is not None:
        step = journey.step(program.nodes[cursor.node].id)
        visits[step.id] += 1
        visited.append(step.id)
        assert len(visited) <= bound, "a run that never ends"
        possible = [o for o in outcomes(step) if o != "skipped" or step.if_ is not None]
        if isinstance(step, GotoStep):
            spent = visits[step.goto] >= step.max_visits
            possible.remove("jumped" if spent else "spent")
        cursor = advance(program, cursor, data.draw(st.sampled_from(possible)))
    return visited


@settings(max_examples=150, deadline=None)
@given(journeys(), st.data())
def test_every_run_ends_with_any_outcomes(journey: Journey, data: st.DataObject) -> None:
    walk(journey, data)


@settings(max_examples=150, deadline=None)
@given(journeys(), st.data())
def test_a_run_of_a_valid_journey_stands_still_before_it_comes_back(
    journey: Journey, data: st.DataObject
) -> None:
    loops = [problem for problem in Flow(journey).problems() if problem.code == "loop"]
    since_wait: set[str] = set()
    returned = False
    for name in walk(journey, data):
        if isinstance(journey.step(name), WaitStep):
            since_wait.clear()
        returned |= name in since_wait
        since_wait.add(name)
    assert not returned or loops


@settings(max_examples=150, deadline=None)
@given(journeys(), st.data())
def test_a_run_never_comes_to_a_step_that_validation_calls_unreachable(
    journey: Journey, data: st.DataObject
) -> None:
    dead = {each.step for each in Flow(journey).problems() if each.code == "unreachable"}
    assert not dead & set(walk(journey, data))


@settings(max_examples=100, deadline=None)
@given(journeys())
def test_a_program_names_every_step_once_and_leads_nowhere_else(journey: Journey) -> None:
    program = compile_program(journey)
    assert [node.id for node in program.nodes] == [step.id for step in journey.all_steps()]
    places = {None, *range(len(program.nodes))}
    for node in program.nodes:
        assert {node.next, *node.arrows.values()} <= places
        assert set(node.arrows) <= set(outcomes(journey.step(node.id)))

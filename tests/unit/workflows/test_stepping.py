"""The pure stepping of programs: begin, advance, divert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.protocol.program import Cursor, Node, Program, advance, begin, divert

BRANCHING = """
journey: branching
entry: {event: Started}
exit:
  - {event: Left}
  - event: Bought
    then: [{id: thanks, email: {subject: Thanks, text: Thanks, transactional: true}}]
steps:
  - id: fork
    branch:
      - {name: a, if: {attribute: x, is: 1}, then: [{id: in-a, wait: 1d}]}
      - {name: b, if: {attribute: x, is: 2}, then: []}
  - {id: rest, wait: 1d}
  - {id: again, goto: fork, max_visits: 3}
  - {id: over, exit: enough}
"""


def node(number: int, kind: str = "wait", **arrows: int | None) -> Node:
    return Node.model_validate(
        {"id": f"n{number}", "kind": kind, "summary": "", "next": None, "arrows": arrows}
    )


def compiled(text: str) -> Program:
    return compile_program(Journey.model_validate(YAML(typ="safe").load(text)))


def named(program: Program, cursor: Cursor) -> str | None:
    return None if cursor.node is None else program.nodes[cursor.node].id


def walked(program: Program, *outcomes: str) -> list[str | None]:
    """The steps that a run comes to when its visits end with these outcomes."""
    cursor = begin(program)
    steps = [named(program, cursor)]
    for outcome in outcomes:
        cursor = advance(program, cursor, outcome)
        steps.append(named(program, cursor))
    return steps


def test_a_program_begins_at_its_start_before_any_visit() -> None:
    assert begin(Program(nodes=[node(0), node(1)], start=1)) == Cursor(node=1, visit=0)


def test_a_program_without_a_main_line_has_ended_at_once() -> None:
    assert begin(Program(nodes=[node(0)], start=None, exits=[0])).node is None


def test_an_outcome_that_no_arrow_names_leads_to_the_next_node() -> None:
    program = Program(nodes=[node(0), node(1)], start=0)
    program.nodes[0].next = 1
    assert advance(program, begin(program), "timed_out").node == 1


def test_a_named_outcome_follows_its_arrow_even_to_the_end() -> None:
    program = Program(nodes=[node(0, "split", holdout=None), node(1)], start=0)
    program.nodes[0].next = 1
    assert advance(program, begin(program), "holdout").node is None


def test_the_line_can_not_go_on_behind_its_end() -> None:
    with pytest.raises(ValueError, match="the line has ended"):
        advance(Program(), Cursor(node=None, visit=3), "sent")


def test_a_case_s_steps_lead_back_to_the_step_behind_the_branch() -> None:
    program = compiled(BRANCHING)
    assert walked(program, "a", "elapsed") == ["fork", "in-a", "rest"]


def test_an_empty_case_and_no_match_lead_to_the_step_behind_the_branch() -> None:
    program = compiled(BRANCHING)
    assert walked(program, "b")[-1] == walked(program, "else")[-1] == "rest"


def test_a_jump_leads_to_its_target_and_a_spent_one_to_the_next_step() -> None:
    program = compiled(BRANCHING)
    assert walked(program, "b", "elapsed", "jumped")[-1] == "fork"
    assert walked(program, "b", "elapsed", "spent")[-1] == "over"


def test_an_exit_step_ends_the_line_and_a_skipped_one_does_not() -> None:
    program = compiled(
        BRANCHING.replace("exit: enough}", "exit: enough}\n  - {id: after, wait: 1d}")
    )
    assert walked(program, "b", "elapsed", "spent", "exited")[-1] is None
    assert walked(program, "b", "elapsed", "spent", "skipped")[-1] == "after"


def test_an_exit_rule_diverts_to_its_then_and_one_without_to_the_end() -> None:
    program = compiled(BRANCHING)
    cursor = Cursor(node=0, visit=4)
    assert divert(program, cursor, 0) == Cursor(node=None, visit=4)
    diverted = divert(program, cursor, 1)
    assert (named(program, diverted), diverted.visit) == ("thanks", 4)
    assert advance(program, diverted, "sent").node is None


OUTCOMES = st.sampled_from(["sent", "skipped", "failed", "exited", "jumped", "a", "b"])


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs of any shape, loops included."""
    size = draw(st.integers(1, 8))
    place = st.none() | st.integers(0, size - 1)
    kinds = st.sampled_from(["email", "wait", "branch", "goto", "exit", "update"])
    nodes = [
        Node.model_validate(
            {
                "id": f"n{number}",
                "kind": draw(kinds),
                "summary": "",
                "next": draw(place),
                "arrows": draw(st.dictionaries(OUTCOMES, place, max_size=3)),
            }
        )
        for number in range(size)
    ]
    return Program(nodes=nodes, start=draw(place), exits=draw(st.lists(place, max_size=3)))


@given(programs(), st.lists(OUTCOMES, max_size=30))
def test_stepping_goes_along_arrows_only_and_counts_no_visits(
    program: Program, outcomes: list[str]
) -> None:
    cursor = begin(program)
    for outcome in outcomes:
        if cursor.node is None:
            break
        here = program.nodes[cursor.node]
        following = advance(program, cursor, outcome)
        ways = {here.next, *here.arrows.values()}
        if here.kind == "exit":
            ways.add(None)
        assert following.node in ways
        assert following.visit == cursor.visit
        cursor = following


@given(programs(), st.lists(OUTCOMES, max_size=10))
def test_stepping_is_a_function_of_its_arguments_and_changes_none(
    program: Program, outcomes: list[str]
) -> None:
    before = program.model_copy(deep=True)

    def walk() -> list[Cursor]:
        cursors = [begin(program)]
        for outcome in outcomes:
            if cursors[-1].node is None:
                break
            cursors.append(advance(program, cursors[-1], outcome))
        return cursors

    assert walk() == walk()
    assert program == before


@given(programs())
def test_a_program_and_a_cursor_survive_their_payloads(program: Program) -> None:
    assert Program.model_validate_json(program.model_dump_json()) == program
    cursor = begin(program)
    assert Cursor.model_validate_json(cursor.model_dump_json()) == cursor

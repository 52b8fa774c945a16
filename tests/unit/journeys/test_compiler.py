"""Programs: where each outcome leads, and what they hold."""

from typing import Any

import pytest

from journeys.compile.program_compiler import compile_program
from journeys.protocol.program import Cursor, advance, begin, divert
from tests.unit.journeys.examples import journey

WAIT = "1d"


def steps(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "wait": WAIT} for name in names]


def case(name: str, *names: str) -> dict[str, Any]:
    return {"name": name, "if": {"group": "g"}, "then": steps(*names)}


def arrows(**parts: Any) -> dict[str, Any]:
    """Each node's way on by id: what outcomes lead where, `*` for all others."""
    program = compile_program(journey(**parts))
    names = {None: None} | {place: node.id for place, node in enumerate(program.nodes)}
    return {
        node.id: {"*": names[node.next]} | {o: names[t] for o, t in node.arrows.items()}
        for node in program.nodes
    }


def test_a_line_leads_from_step_to_step() -> None:
    assert arrows(steps=steps("a", "b")) == {"a": {"*": "b"}, "b": {"*": None}}


def test_ways_of_a_branch_rejoin_after_it() -> None:
    branch = {"id": "q", "branch": [case("x", "x1", "x2"), case("y"), {"else": steps("e1")}]}
    assert arrows(steps=[branch, *steps("z")]) == {
        "q": {"*": "z", "x": "x1", "y": "z", "else": "e1"},
        "x1": {"*": "x2"},
        "x2": {"*": "z"},
        "e1": {"*": "z"},
        "z": {"*": None},
    }


def test_without_else_no_match_goes_on() -> None:
    branch = {"id": "q", "branch": [case("x", "x1")]}
    program = compile_program(journey(steps=[branch, *steps("z")]))
    assert advance(program, begin(program), "else").node == 2


def test_nested_branches_rejoin_level_by_level() -> None:
    inner = {"id": "i", "branch": [case("x", "x1")]}
    outer = {"id": "o", "branch": [{"if": {"group": "g"}, "then": [inner, *steps("after")]}]}
    found = arrows(steps=[outer, *steps("z")])
    assert found["x1"] == {"*": "after"}
    assert found["after"] == {"*": "z"}


def test_a_goto_jumps_and_goes_on_when_spent_or_skipped() -> None:
    found = arrows(steps=[*steps("a"), {"id": "g", "goto": "a"}, *steps("b")])
    assert found["g"] == {"*": "b", "jumped": "a"}


def test_a_holdout_ends_and_other_arms_rejoin() -> None:
    split = {
        "id": "s",
        "split": [
            {"name": "a", "weight": 1, "then": steps("a1")},
            {"name": "h", "weight": 1, "holdout": True},
        ],
    }
    found = arrows(steps=[split, *steps("z")])
    assert found["s"] == {"*": "z", "a": "a1", "h": None}
    assert found["a1"] == {"*": "z"}


def test_a_winner_goes_the_way_that_was_decided() -> None:
    split = {
        "id": "s",
        "split": [
            {"name": "a", "weight": 1, "then": steps("a1")},
            {"name": "b", "weight": 1},
            {"name": "best", "weight": 8, "winner": {"by": "clicked", "after": "4h"}},
        ],
    }
    program = compile_program(journey(steps=[split, *steps("z")]))
    assert program.nodes[0].arrows == {"a": 1, "b": 2}
    assert advance(program, begin(program), "best", "a").node == 1
    assert advance(program, begin(program), "best", "b").node == 2


def test_ways_nested_to_any_depth_rejoin_level_by_level() -> None:
    deepest = 12
    line = steps("bottom")
    for level in range(deepest, 0, -1):
        if level % 2:
            way = {"id": f"n{level}", "branch": [{"name": "x", "if": {"group": "g"}, "then": line}]}
        else:
            arms = [{"name": "x", "weight": 1, "then": line}, {"name": "y", "weight": 1}]
            way = {"id": f"n{level}", "split": arms}
        line = [way, *steps(f"after{level}")]
    found = arrows(steps=line)
    assert found["bottom"] == {"*": f"after{deepest}"}
    for level in range(1, deepest):
        assert found[f"n{level}"]["x"] == f"n{level + 1}"
        assert found[f"n{level}"]["*"] == f"after{level}"
        assert found[f"after{level + 1}"] == {"*": f"after{level}"}
    assert found["after1"] == {"*": None}


def test_an_exit_ends_the_run_unless_it_is_skipped() -> None:
    program = compile_program(journey(steps=[{"id": "x", "exit": "no"}, *steps("b")]))
    assert advance(program, begin(program), "exited").node is None
    assert advance(program, begin(program), "skipped").node == 1


def test_each_exit_rule_has_its_own_line() -> None:
    program = compile_program(
        journey(
            steps=steps("a"),
            exit=[
                {"event": "P"},
                {"event": "Q", "then": [{"id": "t", "group": {"add": ["g"]}}]},
            ],
        )
    )
    assert program.exits == [None, 1]
    diverted = divert(program, Cursor(node=0, visit=3), 1)
    assert program.nodes[diverted.node or 0].id == "t"
    assert advance(program, diverted, "done").node is None


@pytest.mark.parametrize(
    ("step", "summary"),
    [
        ({"wait": "2d"}, "wait 2 days"),
        ({"email": {"template": "cart", "topic": "o"}}, "email s"),
        (
            {"wait": {"event": "Order Completed", "up_to": "1d"}},
            "wait for Order Completed, up to 1 day",
        ),
        (
            {"wait": {"message": "m", "is": "clicked", "up_to": "1h"}},
            "wait until m is clicked, up to 1 hour",
        ),
        (
            {"wait": {"if": {"topic": "news", "is": "subscribed"}, "up_to": "2d"}},
            "wait until news is subscribed, up to 2 days",
        ),
        (
            {"wait": {"any": [{"name": "a", "event": "A"}, {"name": "b", "event": "B"}]}},
            "wait for a or b",
        ),
        (
            {"wait": {"until": {"entry": "starts_at", "offset": "-1d"}}},
            "wait until entry starts_at -1d",
        ),
        ({"update": {"set": {"plan": "secret-plan"}, "unset": ["x"]}}, "update plan, x"),
        ({"group": {"add": ["a"], "remove": ["b"]}}, "add to a, remove from b"),
        ({"goto": "s"}, "go to s"),
        ({"exit": "cold"}, "exit: cold"),
        ({"split": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]}, "split s"),
        ({"coupon": {"pool": "spring"}}, "coupon s"),
        ({"emit": {"event": "Scored"}}, "emit Scored"),
        ({"enter": {"journey": "drip"}}, "enter drip"),
    ],
)
def test_a_summary_is_what_a_person_would_say(step: dict[str, Any], summary: str) -> None:
    program = compile_program(journey(steps=[{"id": "s", **step}]))
    assert program.nodes[0].summary == summary


@pytest.mark.parametrize(
    ("send", "above", "priority"),
    [
        ({}, {}, None),
        ({"class": "marketing"}, {"defaults": {"class": "service"}}, None),
        ({"class": "service"}, {}, 2),
        ({}, {"class": "service"}, 2),
        ({"transactional": True}, {}, 1),
        ({"class": "marketing"}, {"defaults": {"transactional": True}}, 1),
    ],
)
def test_what_somebody_waits_for_goes_first(
    send: dict[str, Any], above: dict[str, Any], priority: int | None
) -> None:
    email = {"email": {"subject": "s", "text": "t", "topic": "o", **send}}
    program = compile_program(journey(steps=[{"id": "m", **email}, *steps("w")], **above))
    assert [node.priority for node in program.nodes] == [priority, None]

"""The program a workflow interprets: a definition compiled to nodes and arrows.

It rides in every workflow's input, so it is small, and it holds ids and words for operators only:
texts, addresses and conditions stay in Postgres, where activities read them by version and step.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import BaseModel, Field

Kind = Literal[
    "email", "sms", "webhook", "wait", "branch", "split", "update", "group", "coupon",
    "emit", "enter", "goto", "exit",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Node(BaseModel):
    """One step. Arrows are indexes into `Program.nodes`; None is the end of the run."""

    id: str
    kind: Kind
    summary: str
    """What a person would say: "wait 2 days", "email reminder"."""
    next: int | None = None
    """Where every outcome leads that `arrows` does not name."""
    arrows: dict[str, int | None] = Field(default_factory=dict)
    """Way → node: a branch's cases, a split's arms, a goto's `jumped`."""


class Program(BaseModel):
    """The nodes of one version.

    `start` is the first node of the main line, None if that has none.
    """

    nodes: list[Node] = Field(default_factory=list)
    start: int | None = None
    exits: list[int | None] = Field(default_factory=list)
    """For each exit rule, in order, the first node of its `then`; None if it has none."""


class Cursor(BaseModel):
    """Where an interpretation stands. `node` None means the line has ended."""

    node: int | None
    visit: int = 0
    """Number of the current visit in the run, from 1; 0 before the first."""


def begin(program: Program) -> Cursor:
    """The cursor before the first step."""
    return Cursor(node=program.start)


def advance(program: Program, cursor: Cursor, outcome: str, way: str | None = None) -> Cursor:
    """The cursor after the current node ended with `outcome`. An `exit` node's run ends there.

    `way`: the arrow to follow where it is not the outcome's. Raises ValueError if the line has
    already ended.
    """
    if cursor.node is None:
        raise ValueError("the line has ended")
    node = program.nodes[cursor.node]
    if node.kind == "exit" and outcome == "exited":
        return Cursor(node=None, visit=cursor.visit)
    following = node.arrows.get(way or outcome, node.next)
    return Cursor(node=following, visit=cursor.visit)


def divert(program: Program, cursor: Cursor, rule: int) -> Cursor:
    """The cursor at the first step of the `then` of exit rule number `rule`."""
    return Cursor(node=program.exits[rule], visit=cursor.visit)

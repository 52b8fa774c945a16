"""The program that a workflow interprets: a definition compiled to nodes and arrows.

It is part of every workflow's input, so it is small, and it holds only ids and words for operators.
Texts, addresses and conditions stay in PostgreSQL, where activities read them by version and step.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import BaseModel, Field

from journeys.protocol.channels import ChannelName

Kind = Literal[
    ChannelName, "wait", "branch", "split", "update", "group", "coupon", "emit", "enter", "goto",
    "exit",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ROUTING: Final[frozenset[Kind]] = frozenset({"branch", "goto"})
"""Kinds whose decision changes nothing but the visit: the activity that ends a wait before one of
them makes its decision, too."""

FIRST_PRIORITY: Final = 1
"""Of what somebody waits for: transactional sends, and test messages."""
SERVICE_PRIORITY: Final = 2
"""Of other sends that are no marketing."""
# 3 is what Temporal gives to all others.


class Node(BaseModel):
    """One step. Arrows are indexes into `Program.nodes`; None is the end of the run."""

    id: str
    kind: Kind
    summary: str
    """The step in a person's words: "wait 2 days", "email reminder"."""
    priority: int | None = None
    """Of a send: the lower goes first where many wait for their turn."""
    next: int | None = None
    """The next node after an outcome that `arrows` does not name."""
    arrows: dict[str, int | None] = Field(default_factory=dict)
    """Nodes by way: the cases of a branch, the arms of a split, `jumped` of a goto."""


class Program(BaseModel):
    """The nodes of one version.

    `start` is the first node of the main line of steps; None if that is empty.
    """

    nodes: list[Node] = Field(default_factory=list)
    start: int | None = None
    exits: list[int | None] = Field(default_factory=list)
    """For each exit rule, in order, the first node of its `then`; None if that is empty."""


class Cursor(BaseModel):
    """The position of a run in its program; `node` is None after the last step."""

    node: int | None
    visit: int = 0
    """Number of the current visit in the run, from 1; 0 before the first."""


def begin(program: Program) -> Cursor:
    """The cursor before the first step."""
    return Cursor(node=program.start)


def advance(program: Program, cursor: Cursor, outcome: str, way: str | None = None) -> Cursor:
    """The cursor after the current node ended with `outcome`; an `exit` node ends the run.

    `way` is the arrow to follow if it is not the outcome's. Raises ValueError if the cursor is
    already after the last step.
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

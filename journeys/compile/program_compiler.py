"""Compiler from a journey to the program that workflows interpret.

Every step becomes a node. Every way from one step to another becomes an arrow; the ways of a branch
meet again at the step after it. The program holds ids and words of the definition only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from journeys.compile.summaries import summary
from journeys.model.journey import Journey
from journeys.model.sends import EffectiveSend
from journeys.model.steps import (
    BaseMessage,
    BaseSend,
    BranchStep,
    CouponStep,
    EmitStep,
    EnterStep,
    ExitStep,
    GotoStep,
    GroupStep,
    SplitStep,
    Step,
    UpdateStep,
    WaitStep,
    children,
)
from journeys.protocol.program import FIRST_PRIORITY, SERVICE_PRIORITY, Node, Program


def compile_program(journey: Journey) -> Program:
    """The program of a valid journey. Raises KeyError for a `goto` to an unknown step."""
    layout = _Layout(journey)
    lines = [journey.steps, *(rule.then for rule in journey.exit if not isinstance(rule, str))]
    for line in lines:
        layout.place(line)
    for line in lines:
        layout.link(line, None)
    return Program(
        nodes=layout.nodes,
        start=layout.first(journey.steps, None),
        exits=[
            None if isinstance(rule, str) else layout.first(rule.then, None)
            for rule in journey.exit
        ],
    )


def _priority(settings: EffectiveSend) -> int | None:
    """The priority of a message. Documents beside the journey may change and do not count."""
    if settings.transactional:
        return FIRST_PRIORITY
    return SERVICE_PRIORITY if settings.class_ == "service" else None


@dataclass
class _Layout:
    """The nodes of a program that is being compiled, and the node of each step by its id."""

    journey: Journey
    nodes: list[Node] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def place(self, line: list[Step]) -> None:
        """Adds a node for each step of a line, and for the steps inside it."""
        for step in line:
            self.index[step.id] = len(self.nodes)
            node = Node(id=step.id, kind=step.kind, summary=summary(step))
            if isinstance(step, BaseMessage):
                node.priority = _priority(self.journey.effective(step))
            self.nodes.append(node)
            for _, inner in children(step):
                self.place(inner)

    def first(self, line: list[Step], after: int | None) -> int | None:
        """The first node of a line of steps, or `after` if the line is empty."""
        return self.index[line[0].id] if line else after

    def link(self, line: list[Step], after: int | None) -> None:
        """Draws the arrows of a line of steps; `after` is the node behind its last step."""
        for place, step in enumerate(line):
            following = self.first(line[place + 1 :], after)
            node = self.nodes[self.index[step.id]]
            node.next = following
            node.arrows = self._arrows(step, following)
            for _, inner in children(step):
                self.link(inner, following)

    def _arrows(self, step: Step, following: int | None) -> dict[str, int | None]:
        match step:
            case GotoStep():
                return {"jumped": self.index[step.goto]}
            case BranchStep():
                ways = {case.name: case.then for case in step.branch}
                if step.else_ is not None:
                    ways["else"] = step.else_
                return {name: self.first(line, following) for name, line in ways.items()}
            case SplitStep():
                # An arm with a `winner` has no arrow: it follows the arrow of another arm.
                return {
                    arm.name: self.first(arm.then or [], None if arm.holdout else following)
                    for arm in step.split
                    if arm.winner is None
                }
            case (
                BaseSend() | WaitStep() | UpdateStep() | GroupStep() | CouponStep() | EmitStep()
                | EnterStep() | ExitStep()
            ):  # fmt: skip
                return {}
            case _:
                assert_never(step)

"""From a definition to the program that workflows interpret.

Every step becomes a node and every way from one to another an arrow. Ways of a branch lead back to
the step after it. The program holds ids and words of the definition only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from journeys.compile.summaries import summary
from journeys.model.journey import Journey
from journeys.model.steps import BranchStep, GotoStep, SplitStep, Step, children
from journeys.protocol.program import Node, Program


def compile_program(journey: Journey) -> Program:
    """The program of a valid journey. Raises KeyError for a `goto` to an unknown step."""
    layout = _Layout()
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


@dataclass
class _Layout:
    nodes: list[Node] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def place(self, line: list[Step]) -> None:
        for step in line:
            self.index[step.id] = len(self.nodes)
            self.nodes.append(Node(id=step.id, kind=step.kind, summary=summary(step)))
            for _, inner in children(step):
                self.place(inner)

    def first(self, line: list[Step], after: int | None) -> int | None:
        return self.index[line[0].id] if line else after

    def link(self, line: list[Step], after: int | None) -> None:
        for place, step in enumerate(line):
            following = self.first(line[place + 1 :], after)
            node = self.nodes[self.index[step.id]]
            node.next = following
            if isinstance(step, GotoStep):
                node.arrows = {"jumped": self.index[step.goto]}
            elif isinstance(step, BranchStep):
                node.arrows = {case.name: self.first(case.then, following) for case in step.branch}
                if step.else_ is not None:
                    node.arrows["else"] = self.first(step.else_, following)
            elif isinstance(step, SplitStep):
                for arm in step.split:
                    # A winner goes the way of another arm.
                    if arm.winner is None:
                        end = None if arm.holdout else following
                        node.arrows[arm.name] = self.first(arm.then or [], end)
            for _, inner in children(step):
                self.link(inner, following)

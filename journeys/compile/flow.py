"""Flow analysis of a journey: unreachable steps, loops without a wait, sends that come too late."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.model.problems import Path, Problem
from journeys.model.steps import (
    BranchStep,
    ExitStep,
    GotoStep,
    SendStep,
    SplitStep,
    Step,
    WaitStep,
    children,
)
from journeys.model.waits import UntilWait
from journeys.protocol.program import Program


class Flow:
    """The ways through a journey. Its step ids must be unique, and its jumps must have targets."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.program: Program = compile_program(journey)
        self.paths: dict[str, Path] = {step.id: path for path, step in journey.walk()}
        self.index = {node.id: place for place, node in enumerate(self.program.nodes)}
        self.steps = [journey.step(node.id) for node in self.program.nodes]
        self._reach: dict[int, set[int]] = {}
        self.ways = [self._ways(place) for place in range(len(self.steps))]
        # Outside a loop a jump always jumps, because its target was visited at most once before.
        once = {
            place: [self.index[step.goto]]
            for place, step in enumerate(self.steps)
            if isinstance(step, GotoStep) and step.if_ is None and place not in self.reach(place)
        }
        self.ways = [once.get(place, ways) for place, ways in enumerate(self.ways)]
        self._reach = {}

    def _ways(self, place: int) -> list[int]:
        """The nodes that may follow a visit to a node, over all of its outcomes."""
        node, step = self.program.nodes[place], self.steps[place]
        targets = set(node.arrows.values())
        if not self._always_leaves(step):
            targets.add(node.next)
        return sorted(target for target in targets if target is not None)

    def _always_leaves(self, step: Step) -> bool:
        """Whether no visit leads to the next node by default, but each follows an arrow or ends."""
        if step.if_ is not None:
            return False
        if isinstance(step, ExitStep):
            return True
        if isinstance(step, BranchStep):
            return step.else_ is not None
        return isinstance(step, SplitStep)

    def reach(self, place: int) -> set[int]:
        """The nodes that a run may come to after a node; the node itself if it is in a loop."""
        if place not in self._reach:
            seen: set[int] = set()
            waiting = list(self.ways[place])
            while waiting:
                here = waiting.pop()
                if here not in seen:
                    seen.add(here)
                    waiting += self.ways[here]
            self._reach[place] = seen
        return self._reach[place]

    def returns(self, step: str) -> bool:
        """Whether a run may visit the step more than once."""
        return self.precedes(step, step)

    def precedes(self, earlier: str, later: str) -> bool:
        """Whether a run may visit `earlier` before it comes to `later`."""
        return self.index[later] in self.reach(self.index[earlier])

    # ------------------------------------------------------------------ problems

    def problems(self) -> Iterator[Problem]:
        """Loops without a wait, unreachable steps, and sends after a moment that may be past."""
        yield from self._loops()
        yield from self._unreachable()
        yield from self._late_sends()

    def _loops(self) -> Iterator[Problem]:
        for place, step in enumerate(self.steps):
            if not isinstance(step, GotoStep):
                continue
            circle = self._circle(place, self.index[step.goto])
            if circle is not None:
                names = " → ".join(self.steps[here].id for here in circle)
                yield Problem(
                    "loop",
                    f"the loop {names} → {self.steps[circle[0]].id} has no wait",
                    "put a `wait` into it",
                    path=(*self.paths[step.id], "goto"),
                    step=step.id,
                )

    def _circle(self, jump: int, target: int) -> list[int] | None:
        """A way from a jump's target back to the jump without a wait, if there is one."""
        came_from: dict[int, int | None] = {target: None}
        waiting = [target]
        while waiting:
            here = waiting.pop()
            if isinstance(self.steps[here], WaitStep):
                continue
            if here == jump:
                circle: list[int] = []
                back: int | None = here
                while back is not None:
                    circle.append(back)
                    back = came_from[back]
                return circle[::-1]
            for following in self.ways[here]:
                if following not in came_from:
                    came_from[following] = here
                    waiting.append(following)
        return None

    def _unreachable(self) -> Iterator[Problem]:
        starts = [place for place in [self.program.start, *self.program.exits] if place is not None]
        reached = set(starts).union(*(self.reach(place) for place in starts))
        journey = self.journey
        lines = [journey.steps, *(r.then for r in journey.exit if not isinstance(r, str))]
        for line in lines:
            yield from self._unreached(line, reached)

    def _unreached(self, line: list[Step], reached: set[int]) -> Iterator[Problem]:
        for place, step in enumerate(line):
            if self.index[step.id] not in reached:
                before = line[place - 1].id if place else None
                after = f"no run comes past `{before}`" if before else "no run comes here"
                yield Problem(
                    "unreachable",
                    f"the step `{step.id}` can't be reached: {after}",
                    f"remove it, or give `{before}` an `if`" if before else "remove it",
                    path=self.paths[step.id],
                    step=step.id,
                )
                return
            for _, inner in children(step):
                yield from self._unreached(inner, reached)

    def _late_sends(self) -> Iterator[Problem]:
        for place, step in enumerate(self.steps):
            if not (isinstance(step, WaitStep) and isinstance(step.wait, UntilWait)):
                continue
            if isinstance(step.wait.until, str) and not step.wait.until[:4].isdecimal():
                continue
            send = self._next_send(place)
            if send is not None and send.if_ is None:
                yield Problem(
                    "past",
                    f"the moment may be past, and `{send.id}` is sent all the same",
                    f"give `{send.id}` if: {{step: {step.id}, is: elapsed}}",
                    severity="warning",
                    path=(*self.paths[step.id], "wait"),
                    step=step.id,
                )

    def _next_send(self, place: int) -> Step | None:
        following = self.program.nodes[place].next
        while following is not None:
            step = self.steps[following]
            if isinstance(step, SendStep):
                return step
            if isinstance(step, WaitStep | BranchStep | SplitStep | GotoStep | ExitStep):
                return None
            following = self.program.nodes[following].next
        return None

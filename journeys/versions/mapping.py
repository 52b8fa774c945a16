"""Mapping of steps from one version of a journey to another, from the definitions alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from journeys.compile.flow import Flow
from journeys.model.journey import Journey
from journeys.model.unions import closest_match
from journeys.protocol.channels import SEND_KINDS

StayReason = Literal["step_gone", "step_changed", "leaving"]
"""Why a run keeps its version. `step_gone`: the target lacks its step. `step_changed`: the step is
of another kind, or a run cannot wait at it. `leaving`: an exit rule has fired, and its `then` runs
to the end."""

MOVED = "moved"
"""The outcome of a visit whose step is mapped to another one, which its fact `to` names."""


@dataclass(frozen=True, slots=True)
class MappedStep:
    """The step of the target that a run moves to, or the reason why it stays."""

    step: str = ""
    new_visit: bool = False
    """A new visit begins at the step. Otherwise the visit goes on, and a wait is planned again from
    its start."""
    stay_reason: StayReason | None = None


def map_step(step: str, kind: str, target: Journey, mapping: Mapping[str, str]) -> MappedStep:
    """Map the `step`, of this kind, at which a run waits.

    `mapping` leads from steps to others; every other step leads to the one of its own name.
    """
    to = mapping.get(step, step)
    if to not in main_line(target):
        return MappedStep(stay_reason="step_gone")
    target_kind = target.step(to).kind
    if kind == target_kind == "wait":
        return MappedStep(to)
    if step != to:
        return MappedStep(to, new_visit=True)
    if kind == target_kind and kind in SEND_KINDS:
        return MappedStep(to)
    return MappedStep(stay_reason="step_changed")


def main_line(journey: Journey) -> set[str]:
    """The ids of the steps at any depth, without those of exits' `then`."""
    return {step.id for path, step in journey.walk() if path[0] == "steps"}


def map_errors(mapping: Mapping[str, str], known: set[str], target: Journey) -> list[str]:
    """The errors of a map, as sentences; `known` are the steps that runs may be at."""
    line = main_line(target)
    errors: list[str] = []
    for old, new in mapping.items():
        if old not in known:
            errors.append(_no_step("no version before has a step", old, known))
        if new in line:
            continue
        if any(new == step.id for step in target.all_steps()):
            errors.append(f"`{new}` belongs to an exit's `then`: name a step of the main line")
        else:
            errors.append(_no_step("the new version has no step", new, line))
    return errors


def may_send(flow: Flow, place: int | None) -> bool:
    """Whether a run that comes to a node may send before its next wait, on any path.

    `place` is the node's index; None is the end.
    """
    if place is None:
        return False
    seen: set[int] = set()
    pending = [place]
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        kind = flow.steps[node].kind
        if kind in SEND_KINDS:
            return True
        if kind != "wait":
            pending += flow.ways[node]
    return False


def _no_step(message: str, step: str, known: set[str]) -> str:
    near = closest_match(step, sorted(known))
    return f"{message} `{step}`" + (f"; did you mean `{near}`?" if near else "")

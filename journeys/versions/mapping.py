"""Where a run goes when its journey takes another version: pure, told from definitions alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from journeys.compile.flow import Flow
from journeys.model.journey import Journey
from journeys.model.unions import closest_match
from journeys.protocol.channels import SEND_KINDS

StayReason = Literal["step_gone", "step_changed", "leaving"]
"""Why a run keeps its version: its step is gone; it is of another kind, or not one to stand at;
an exit rule has fired, and its `then` runs to the end."""

MOVED = "moved"
"""The outcome of a visit that a map has led away from; its fact `to` is the step that follows."""


@dataclass(frozen=True, slots=True)
class MappedStep:
    """The step a run stands at from now on, or why it stays."""

    to: str = ""
    anew: bool = False
    """A new visit begins there; otherwise the one that goes on is planned from its start."""
    stays: StayReason | None = None


def map_step(step: str, kind: str, target: Journey, mapping: Mapping[str, str]) -> MappedStep:
    """Where a run goes that stands at `step`, of this kind, when it follows `target`.

    `mapping` leads from steps to others; every other step leads to the one of its own name.
    """
    to = mapping.get(step, step)
    if to not in main_line(target):
        return MappedStep(stays="step_gone")
    found = target.step(to).kind
    if kind == found == "wait":
        return MappedStep(to)
    if step != to:
        return MappedStep(to, anew=True)
    if kind == found and kind in SEND_KINDS:
        return MappedStep(to)
    return MappedStep(stays="step_changed")


def main_line(journey: Journey) -> set[str]:
    """The ids of the steps at any depth that belong to no exit's `then`."""
    return {step.id for path, step in journey.walk() if path[0] == "steps"}


def map_errors(mapping: Mapping[str, str], known: set[str], target: Journey) -> list[str]:
    """What is wrong with a map, in a person's words; `known` are steps that runs may stand at."""
    line = main_line(target)
    wrong: list[str] = []
    for old, new in mapping.items():
        if old not in known:
            wrong.append(_no_step("no version before has a step", old, known))
        if new in line:
            continue
        if any(new == step.id for step in target.all_steps()):
            wrong.append(f"`{new}` belongs to an exit's `then`: name a step of the main line")
        else:
            wrong.append(_no_step("the new version has no step", new, line))
    return wrong


def may_send(flow: Flow, place: int | None) -> bool:
    """Whether a run that comes to a node may send before it stands at a wait, by whatever way."""
    if place is None:
        return False
    seen: set[int] = set()
    waiting = [place]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        kind = flow.steps[here].kind
        if kind in SEND_KINDS:
            return True
        if kind != "wait":
            waiting += flow.ways[here]
    return False


def _no_step(said: str, step: str, known: set[str]) -> str:
    near = closest_match(step, sorted(known))
    return f"{said} `{step}`" + (f"; did you mean `{near}`?" if near else "")

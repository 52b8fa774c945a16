"""The outcomes that a step can have, and the properties that it leaves to later steps."""

from __future__ import annotations

from typing import Final

from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import Step
from journeys.protocol.channels import MESSAGE_KINDS


def outcomes(step: Step) -> list[str]:
    """The outcomes that a visit to the step can have."""
    return [*STEP_KINDS[step.kind].outcomes(step), "skipped"]


def impossible_outcomes(step: Step) -> dict[str, str]:
    """Those of `outcomes` that no visit to this very step can have, each with the reason."""
    kind = STEP_KINDS[step.kind]
    never = dict(kind.impossible(step))
    if step.if_ is None and step.kind not in MESSAGE_KINDS:
        never["skipped"] = "it has no `if`"
    return never | dict.fromkeys(kind.untested, "no journey is written for it")


def output_properties(step: Step) -> list[str]:
    """The properties of `steps.<id>` once the step was visited."""
    return ["outcome", "at", "visits", *STEP_KINDS[step.kind].outputs(step)]


REPLACED: Final = ("restarted", "merged")
"""Outcomes of runs that another run replaced: both are one entry of the contact."""

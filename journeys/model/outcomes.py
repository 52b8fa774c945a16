"""What each step may end with, and what it leaves behind."""

from __future__ import annotations

from journeys.model.moments import is_time_of_day
from journeys.model.steps import (
    AnyWait,
    BranchStep,
    ForWait,
    SplitStep,
    Step,
    TriggerWait,
    UntilWait,
    WaitStep,
)
from journeys.model.triggers import MessageTrigger
from journeys.protocol.channels import MESSAGE_KINDS

_SENT = ("sent", "failed", "unknown")
BY_KIND = {
    "email": _SENT,
    "sms": _SENT,
    "webhook": ("ok", "failed", "unknown"),
    "update": ("done",),
    "group": ("done",),
    "coupon": ("drawn", "exhausted"),
    "emit": ("done", "failed", "refused"),
    "enter": ("entered", "refused"),
    "goto": ("jumped", "spent"),
    "exit": ("exited",),
}

NOT_DESIGNED_FOR: dict[str, frozenset[str]] = {"emit": frozenset({"failed", "refused"})}
"""By kind, outcomes that no journey is written for: the end of a chain, an event that can't be."""


def outcomes(step: Step) -> list[str]:
    """The outcomes a visit to the step can have."""
    if isinstance(step, BranchStep):
        own = [*(case.name for case in step.branch), "else"]
    elif isinstance(step, SplitStep):
        own = [arm.name for arm in step.split]
    elif isinstance(step, WaitStep):
        own = _wait(step.wait)
    else:
        own = list(BY_KIND[step.kind])
    return [*own, "skipped"]


def impossible_outcomes(step: Step) -> dict[str, str]:
    """Those of `outcomes` that no visit to this very step can have, each with the reason."""
    never = {}
    if isinstance(step, WaitStep):
        never = _never(step.wait)
    if step.if_ is None and step.kind not in MESSAGE_KINDS:
        never["skipped"] = "it has no `if`"
    never |= dict.fromkeys(NOT_DESIGNED_FOR.get(step.kind, ()), "no journey is written for it")
    return never


def output_properties(step: Step) -> list[str]:
    """The properties of `steps.<id>` once the step was visited."""
    own: list[str] = []
    if isinstance(step, WaitStep) and isinstance(step.wait, TriggerWait | AnyWait):
        own = ["event"]
    elif step.kind == "webhook":
        own = ["status", "body"]
    elif step.kind == "coupon":
        own = ["code"]
    return ["outcome", "at", "visits", *own]


def _wait(wait: ForWait | UntilWait | TriggerWait | AnyWait) -> list[str]:
    if isinstance(wait, ForWait):
        limited = wait.after is not None or wait.up_to is not None
        return ["elapsed", "timed_out"] if limited else ["elapsed"]
    if isinstance(wait, UntilWait):
        return ["elapsed", "past", "missing", "timed_out"]
    if isinstance(wait, AnyWait):
        return [*(trigger.name for trigger in wait.any), "timed_out"]
    return ["happened", "timed_out"]


def _never(wait: ForWait | UntilWait | TriggerWait | AnyWait) -> dict[str, str]:
    never = {}
    if isinstance(wait, UntilWait) and isinstance(wait.until, str):
        never["missing"] = "its moment is no reference"
        if is_time_of_day(wait.until) or wait.until.startswith("+"):
            never["past"] = "its moment is the next of its kind"
    if wait.up_to is None and not _may_be_in_vain(wait):
        never["timed_out"] = "it has no `up_to`"
    return {outcome: reason for outcome, reason in never.items() if outcome in _wait(wait)}


def _may_be_in_vain(wait: ForWait | UntilWait | TriggerWait | AnyWait) -> bool:
    """Whether it waits for messages alone: if none was sent, it ends at once."""
    if isinstance(wait, ForWait):
        return wait.after is not None
    if isinstance(wait, AnyWait):
        return all(isinstance(each.trigger, MessageTrigger) for each in wait.any)
    return isinstance(wait, TriggerWait) and isinstance(wait.trigger, MessageTrigger)

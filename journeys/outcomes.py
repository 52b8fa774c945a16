"""What each step may end with, and what it leaves behind."""

from __future__ import annotations

from journeys.steps import (
    AnyWait,
    BranchStep,
    ForWait,
    SplitStep,
    Step,
    TriggerWait,
    UntilWait,
    WaitStep,
)

_SENT = ("sent", "failed", "unknown")
_BY_KIND = {
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

UNLOOKED_FOR: dict[str, frozenset[str]] = {"emit": frozenset({"failed", "refused"})}
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
        own = list(_BY_KIND[step.kind])
    return [*own, "skipped"]


def left_by(step: Step) -> list[str]:
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

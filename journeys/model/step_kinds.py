"""The kinds of steps: one definition of each, from which everything else about them is derived.

Adding a kind is its name in `journeys.protocol.program.Kind`, its model and its place in the union
`Step` in `journeys.model.steps`, an entry here, a line in `journeys.compile.summaries` and in
`journeys.compile.program_compiler`, and what it does in `activities.deciding`. A kind that sends
needs its channel, its model and its place in the unions `Step` and `SendStep` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, assert_never, get_args

from journeys.model.moments import is_time_of_day
from journeys.model.steps import (
    BaseStep,
    BranchStep,
    CouponStep,
    EmitStep,
    EnterStep,
    ExitStep,
    GotoStep,
    GroupStep,
    SendStep,
    SplitStep,
    UpdateStep,
    WaitStep,
)
from journeys.model.triggers import MessageTrigger
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait, Wait
from journeys.protocol.channels import CHANNELS
from journeys.protocol.program import Kind

S = TypeVar("S", bound=BaseStep)


def _nothing(_: BaseStep) -> Sequence[str]:
    return ()


def _none_impossible(_: BaseStep) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class StepKind(Generic[S]):
    """One kind of step."""

    model: type[S]
    outcomes: Callable[[S], Sequence[str]]
    """The outcomes that a visit to a step can have, without `skipped`."""
    outcome_words: Sequence[str]
    """The same outcomes for the reference page, in words that fit all steps of the kind."""
    outputs: Callable[[S], Sequence[str]] = _nothing
    """The outputs in `steps.<id>` after a visit, without those that every step has."""
    impossible: Callable[[S], Mapping[str, str]] = _none_impossible
    """Those of `outcomes` that no visit to this very step can have, each with the reason."""
    untested: frozenset[str] = frozenset()
    """Outcomes that scenarios need not reach: no journey is written for them."""


def _fixed(
    model: type[S],
    *outcomes: str,
    outputs: Sequence[str] = (),
    untested: frozenset[str] = frozenset(),
) -> StepKind[S]:
    """A kind whose every step has the same outcomes and outputs."""
    return StepKind(
        model=model,
        outcomes=lambda _: outcomes,
        outcome_words=[f"`{outcome}`" for outcome in outcomes],
        outputs=lambda _: outputs,
        untested=untested,
    )


def _send(model: type[SendStep]) -> StepKind[SendStep]:
    channel = CHANNELS[model.kind]
    # Later steps read the answer of a system.
    outputs = () if channel.to_contact else ("status", "body")
    return _fixed(model, channel.sent_outcome, "failed", "unknown", outputs=outputs)


def _wait_outcomes(wait: Wait) -> list[str]:
    match wait:
        case ForWait():
            limited = wait.after is not None or wait.up_to is not None
            return ["elapsed", "timed_out"] if limited else ["elapsed"]
        case UntilWait():
            return ["elapsed", "past", "missing", "timed_out"]
        case AnyWait():
            return [*(trigger.name for trigger in wait.any), "timed_out"]
        case TriggerWait():
            return ["happened", "timed_out"]
        case _:
            assert_never(wait)


def _impossible_wait_outcomes(wait: Wait) -> dict[str, str]:
    never = {}
    if isinstance(wait, UntilWait) and isinstance(wait.until, str):
        never["missing"] = "its moment is no reference"
        if is_time_of_day(wait.until) or wait.until.startswith("+"):
            never["past"] = "its moment is the next of its kind"
    if wait.up_to is None and not _needs_a_message(wait):
        never["timed_out"] = "it has no `up_to`"
    return {outcome: reason for outcome, reason in never.items() if outcome in _wait_outcomes(wait)}


def _needs_a_message(wait: Wait) -> bool:
    """Whether it waits for messages alone: it ends at once if none was sent."""
    match wait:
        case ForWait():
            return wait.after is not None
        case UntilWait():
            return False
        case AnyWait():
            return all(isinstance(each.trigger, MessageTrigger) for each in wait.any)
        case TriggerWait():
            return isinstance(wait.trigger, MessageTrigger)
        case _:
            assert_never(wait)


STEP_KINDS: Final[Mapping[Kind, StepKind[Any]]] = {
    **{model.kind: _send(model) for model in get_args(SendStep)},
    "wait": StepKind[WaitStep](
        model=WaitStep,
        outcomes=lambda step: _wait_outcomes(step.wait),
        outcome_words=(
            "`elapsed`", "`past`", "`missing`", "`happened` or the trigger’s name", "`timed_out`",
        ),
        outputs=lambda step: ["event"] if isinstance(step.wait, TriggerWait | AnyWait) else [],
        impossible=lambda step: _impossible_wait_outcomes(step.wait),
    ),
    "branch": StepKind[BranchStep](
        model=BranchStep,
        outcomes=lambda step: [*(case.name for case in step.branch), "else"],
        outcome_words=("the case", "`else`"),
    ),
    "split": StepKind[SplitStep](
        model=SplitStep,
        outcomes=lambda step: [arm.name for arm in step.split],
        outcome_words=("the arm",),
    ),
    "update": _fixed(UpdateStep, "done"),
    "group": _fixed(GroupStep, "done"),
    "coupon": _fixed(CouponStep, "drawn", "exhausted", outputs=["code"]),
    # Journeys are not written for the end of a chain, nor for an event that is refused.
    "emit": _fixed(
        EmitStep, "done", "failed", "refused", untested=frozenset({"failed", "refused"})
    ),
    "enter": _fixed(EnterStep, "entered", "refused"),
    "goto": _fixed(GotoStep, "jumped", "spent"),
    "exit": _fixed(ExitStep, "exited"),
}  # fmt: skip

"""Summaries of steps for people: "wait 2 days", "email reminder"."""

from __future__ import annotations

from typing import assert_never

from journeys.model.conditions import (
    Condition,
    EventCondition,
    GroupCondition,
    MessageCondition,
    SegmentCondition,
    StepCondition,
    TopicCondition,
)
from journeys.model.moments import is_duration
from journeys.model.steps import (
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
)
from journeys.model.triggers import ConditionTrigger, EventTrigger, MessageTrigger
from journeys.model.values import AttributeReference, DocumentModel, EntryReference, StepReference
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.time.durations import Duration

LONGEST = 120
"""Characters of a summary, which is part of every workflow's history."""


def summary(step: Step) -> str:
    """The step in a person's words.

    They hold ids and words of the definition, never data of a contact.
    """
    words = _words(step)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _words(step: Step) -> str:
    match step:
        case WaitStep():
            return _wait(step)
        case UpdateStep(update=update):
            return "update " + ", ".join(dict.fromkeys([*update.set, *update.unset, *update.add]))
        case GroupStep(group=group):
            added = [f"add to {', '.join(group.add)}"] if group.add else []
            removed = [f"remove from {', '.join(group.remove)}"] if group.remove else []
            return ", ".join(added + removed)
        case GotoStep():
            return f"go to {step.goto}"
        case ExitStep():
            return f"exit: {step.exit}"
        case EmitStep():
            return f"emit {step.emit.event}"
        case EnterStep():
            return f"enter {step.enter.journey}"
        case BaseSend() | BranchStep() | SplitStep() | CouponStep():
            return f"{step.kind} {step.id}"
        case _:
            assert_never(step)


def _wait(step: WaitStep) -> str:
    wait = step.wait
    match wait:
        case ForWait():
            words = f"wait {Duration.parse(wait.for_).words()}"
            if wait.after is not None:
                words += f" after {wait.after.message} is {wait.after.is_}"
        case UntilWait():
            words = f"wait until {_moment(wait.until)}"
        case AnyWait():
            words = f"wait for {' or '.join(trigger.name for trigger in wait.any)}"
        case TriggerWait():
            words = _trigger(wait.trigger)
        case _:
            assert_never(wait)
    limit = wait.up_to
    if limit is None:
        return words
    if isinstance(limit, str) and is_duration(limit):
        return f"{words}, up to {Duration.parse(limit).words()}"
    return f"{words}, up to {_moment(limit)}"


def _trigger(trigger: EventTrigger | MessageTrigger | ConditionTrigger) -> str:
    if isinstance(trigger, EventTrigger):
        return f"wait for {trigger.event}"
    if isinstance(trigger, MessageTrigger):
        return f"wait until {trigger.message} is {trigger.is_}"
    return f"wait until {_condition(trigger.if_)}"


def _condition(condition: Condition) -> str:
    if isinstance(condition, TopicCondition):
        return f"{condition.topic} is {condition.is_}"
    if isinstance(condition, MessageCondition):
        return f"{condition.message} is {condition.is_}"
    if isinstance(condition, GroupCondition):
        return f"in group {condition.group}"
    if isinstance(condition, SegmentCondition):
        return f"in segment {condition.segment}"
    if isinstance(condition, EventCondition) and condition.model_fields_set == {"event"}:
        return condition.event
    if isinstance(condition, StepCondition):
        return f"a condition on {condition.step} holds"
    return "a condition holds"


def _moment(moment: str | DocumentModel) -> str:
    if isinstance(moment, str):
        return moment
    if isinstance(moment, EntryReference):
        words = f"entry {moment.entry}"
    elif isinstance(moment, AttributeReference):
        words = f"attribute {moment.attribute}"
    elif isinstance(moment, StepReference):
        words = f"{moment.step} {moment.property}"
    else:
        words = "a moment"
    offset = getattr(moment, "offset", None)
    return f"{words} {offset}" if offset else words

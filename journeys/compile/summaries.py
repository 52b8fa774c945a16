"""What a person would say of a step: "wait 2 days", "email reminder"."""

from __future__ import annotations

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
    AnyWait,
    EmitStep,
    EnterStep,
    ExitStep,
    ForWait,
    GotoStep,
    GroupStep,
    Step,
    UntilWait,
    UpdateStep,
    WaitStep,
)
from journeys.model.triggers import ConditionTrigger, EventTrigger, MessageTrigger
from journeys.model.values import AttributeReference, DocumentModel, EntryReference, StepReference
from journeys.time.durations import Duration

LONGEST = 120
"""Characters of a summary: it rides in every workflow's history."""


def summary(step: Step) -> str:
    """The step in a person's words; ids and words of the definition only."""
    said = _said(step)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _said(step: Step) -> str:
    if isinstance(step, WaitStep):
        return _wait(step)
    if isinstance(step, UpdateStep):
        update = step.update
        return "update " + ", ".join(dict.fromkeys([*update.set, *update.unset, *update.add]))
    if isinstance(step, GroupStep):
        added = [f"add to {', '.join(step.group.add)}"] if step.group.add else []
        removed = [f"remove from {', '.join(step.group.remove)}"] if step.group.remove else []
        return ", ".join(added + removed)
    if isinstance(step, GotoStep):
        return f"go to {step.goto}"
    if isinstance(step, ExitStep):
        return f"exit: {step.exit}"
    if isinstance(step, EmitStep):
        return f"emit {step.emit.event}"
    if isinstance(step, EnterStep):
        return f"enter {step.enter.journey}"
    return f"{step.kind} {step.id}"


def _wait(step: WaitStep) -> str:
    wait = step.wait
    if isinstance(wait, ForWait):
        said = f"wait {Duration.parse(wait.for_).words()}"
        if wait.after is not None:
            said += f" after {wait.after.message} is {wait.after.is_}"
    elif isinstance(wait, UntilWait):
        said = f"wait until {_moment(wait.until)}"
    elif isinstance(wait, AnyWait):
        said = f"wait for {' or '.join(trigger.name for trigger in wait.any)}"
    else:
        said = _trigger(wait.trigger)
    limit = wait.up_to
    if limit is None:
        return said
    if isinstance(limit, str) and is_duration(limit):
        return f"{said}, up to {Duration.parse(limit).words()}"
    return f"{said}, up to {_moment(limit)}"


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
        said = f"entry {moment.entry}"
    elif isinstance(moment, AttributeReference):
        said = f"attribute {moment.attribute}"
    elif isinstance(moment, StepReference):
        said = f"{moment.step} {moment.property}"
    else:
        said = "a moment"
    offset = getattr(moment, "offset", None)
    return f"{said} {offset}" if offset else said

"""Exit rules: what ends a run early, and the steps that it then takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    Tag,
)

from journeys.model.steps import Step
from journeys.model.triggers import ConditionTrigger, EventTrigger, MessageTrigger
from journeys.model.unions import PLAIN, discriminated_by, tag


class EventExit(EventTrigger):
    """`{event: Order Completed, where, then}`."""

    then: list[Step] = Field(default_factory=list)


class MessageExit(MessageTrigger):
    """`{message: STEP, is: replied, then}`."""

    then: list[Step] = Field(default_factory=list)


class ConditionExit(ConditionTrigger):
    """`{if: CONDITION, then}`."""

    then: list[Step] = Field(default_factory=list)


ExitRule = Annotated[
    Annotated[EventExit, Tag(tag("event"))]
    | Annotated[MessageExit, Tag(tag("message"))]
    | Annotated[ConditionExit, Tag(tag("if"))]
    | Annotated[Literal["goal"], Tag(PLAIN)],
    discriminated_by(
        "an exit rule",
        *("event", "message", "if"),
        plain=True,
        hints={"is": "message", "where": "event"},
    ),
]
"""What ends a run at once. The word `goal` ends it when its goal is met."""

"""Waits: what a step `wait` waits for."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from journeys.model.moments import Days, Limit, Moment, is_time_of_day
from journeys.model.outcome_names import check_unreserved
from journeys.model.triggers import AroundTrigger, MessageTrigger, NamedTrigger
from journeys.model.unions import discriminated_by, tag
from journeys.model.values import DocumentModel, DurationText


class ForWait(DocumentModel):
    """For a duration, from now or from a status of a message."""

    for_: DurationText = Field(alias="for")
    after: MessageTrigger | None = None
    up_to: Limit | None = None


class UntilWait(DocumentModel):
    """Until a moment; a time of day may be limited to `days`."""

    until: Moment
    days: Days | None = None
    up_to: Limit | None = None

    @model_validator(mode="after")
    def _days_of_a_time(self) -> Self:
        if self.days is not None and not (
            isinstance(self.until, str) and is_time_of_day(self.until)
        ):
            raise ValueError(
                '`days` goes with a time of day; write {until: "09:00", days: mon-fri}'
            )
        return self


class TriggerWait(AroundTrigger):
    """For an event, a message's status or a condition, at most `up_to`."""

    up_to: Limit | None = None
    since: Moment | Literal["now"] | None = None


class AnyWait(DocumentModel):
    """For the first of several triggers, whose name is the outcome."""

    any: Annotated[list[NamedTrigger], Field(min_length=1)]
    up_to: Limit | None = None
    since: Moment | Literal["now"] | None = None

    @model_validator(mode="after")
    def _names(self) -> Self:
        seen: set[str] = set()
        for trigger in self.any:
            check_unreserved(trigger.name)
            if trigger.name in seen:
                raise ValueError(f"two triggers are called `{trigger.name}`")
            seen.add(trigger.name)
        return self


Wait = Annotated[
    Annotated[ForWait, Tag(tag("for"))]
    | Annotated[UntilWait, Tag(tag("until"))]
    | Annotated[AnyWait, Tag(tag("any"))]
    | Annotated[TriggerWait, Tag(tag("event"))],
    discriminated_by(
        "a wait",
        "for",
        "until",
        "any",
        "event",
        also={"message": "event", "if": "event"},
        hints={"trigger": "event", "after": "for", "is": "event", "where": "event"},
    ),
]

"""Triggers: what begins a run, ends a wait, or meets a goal."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    Tag,
    model_serializer,
    model_validator,
)

from journeys.model.conditions import Condition, Near, Where
from journeys.model.moments import AttributeMoment, DateTimeText
from journeys.model.unions import PLAIN, discriminated_by, tag
from journeys.model.values import (
    DocumentModel,
    DurationText,
    Identifier,
    Key,
    LengthText,
    Name,
    Path,
    Scalar,
    Text,
)
from journeys.protocol.message_status import MessageStatus


class EventTrigger(DocumentModel):
    """`{event: NAME, where}`."""

    event: Name
    where: Where = Field(default_factory=dict)


class MessageTrigger(DocumentModel):
    """`{message: STEP, is: clicked, where}`: a status of a message that an earlier step sent."""

    message: Identifier
    is_: MessageStatus = Field(alias="is")
    where: Where = Field(default_factory=dict)


class ConditionTrigger(DocumentModel):
    """`{if: CONDITION}`: fires as soon as the condition is true."""

    if_: Condition = Field(alias="if")


Trigger = Annotated[
    Annotated[EventTrigger, Tag(tag("event"))]
    | Annotated[MessageTrigger, Tag(tag("message"))]
    | Annotated[ConditionTrigger, Tag(tag("if"))],
    discriminated_by(
        "a trigger", "event", "message", "if", hints={"is": "message", "where": "event"}
    ),
]


class AroundTrigger(DocumentModel):
    """A part of a document that has the keys of a trigger beside its own keys."""

    trigger: Trigger

    unwritten: ClassVar[frozenset[str]] = frozenset({"trigger"})

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, dict) or isinstance(value.get("trigger"), DocumentModel):
            return value
        fields = cls.model_fields
        own = {fields[name].alias or name for name in fields if name != "trigger"}
        beside = {key: part for key, part in value.items() if key in own}
        return {**beside, "trigger": {k: part for k, part in value.items() if k not in own}}

    @model_serializer(mode="wrap")
    def _flatten(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {**written.pop("trigger", {}), **written}


class NamedTrigger(AroundTrigger):
    """One of the triggers of a wait for several: `{name: demo, event: Demo Requested}`."""

    name: Name


# ------------------------------------------------------------------------------------- entries

MAX_AGE: Final = "1d"
"""How old an event may be at its arrival where an entry does not say it."""


class EventEntry(EventTrigger):
    """`{event: Cart Updated, where, if, key: cart_id, max_age: 1d}`."""

    if_: Condition | None = Field(default=None, alias="if")
    key: Path | None = None
    max_age: LengthText = MAX_AGE
    """How long before its arrival an event may have happened; an older one begins no run."""


class ApiEntry(DocumentModel):
    """`{api: true}`: started by the API only."""

    api: Literal[True]
    if_: Condition | None = Field(default=None, alias="if")


class MemberEntry(DocumentModel):
    """What entries by membership share: `on`, and whether those who are members already enter."""

    on: Literal["enter", "leave"] = "enter"
    if_: Condition | None = Field(default=None, alias="if")
    max_age: LengthText = MAX_AGE
    backfill: StrictBool = False
    """Whether those who are members already enter when the journey goes live."""

    @model_validator(mode="after")
    def _enters_members(self) -> Self:
        if self.backfill and self.on == "leave":
            raise ValueError("`backfill` enters those who are members, so `on` must be enter")
        return self


class SegmentEntry(MemberEntry):
    """`{segment: NAME, on: enter | leave, backfill: true}`."""

    segment: Key


class GroupEntry(MemberEntry):
    """`{group: NAME}`: the contact was added to the group, or with `on: leave` removed."""

    group: Name


class AttributeEntry(DocumentModel):
    """`{attribute: NAME, from, to}`: the attribute changed, from and to these values if named.

    A `from` or `to` that is null means that the attribute has no value.
    """

    attribute: Path
    from_: Scalar = Field(default=None, alias="from")
    to: Scalar = None
    if_: Condition | None = Field(default=None, alias="if")
    max_age: LengthText = MAX_AGE
    backfill: StrictBool = False
    """Whether those whose attribute is `to` already enter when the journey goes live."""

    @model_validator(mode="after")
    def _fills_a_value(self) -> Self:
        if self.backfill and self.to is None:
            raise ValueError("`backfill` enters those who have a value already: say it by `to`")
        return self


class DateEntry(DocumentModel):
    """`{date: {attribute: birthday, every: year, offset: -3d, at: "09:00"}, if, up_to: 1d}`."""

    date: Annotated[
        Annotated[AttributeMoment, Tag(tag("attribute"))] | Annotated[DateTimeText, Tag(PLAIN)],
        discriminated_by("a date", "attribute", plain=True),
    ]
    if_: Condition | None = Field(default=None, alias="if")
    up_to: LengthText = "1d"
    """How late a contact may still enter, after an outage."""


class Schedule(DocumentModel):
    """When all contacts of a segment enter: once, `at` a time, or by a `cron` line."""

    cron: Text | None = None
    at: DateTimeText | None = None
    timezone: Text | None = None
    segment: Key | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.cron is None) == (self.at is None):
            raise ValueError("`schedule` needs either `cron` or `at`")
        return self


class ScheduleEntry(DocumentModel):
    """`{schedule: {cron | at, timezone: ZONE | contact, segment}, if, up_to: 1d}`."""

    schedule: Schedule
    if_: Condition | None = Field(default=None, alias="if")
    up_to: LengthText = "1d"
    """How late a contact may still enter, after an outage."""


class NearEntry(DocumentModel):
    """`{near: {places, km}}`: the contact came near one of the places."""

    near: Near
    if_: Condition | None = Field(default=None, alias="if")
    max_age: LengthText = MAX_AGE


Entry = Annotated[
    Annotated[EventEntry, Tag(tag("event"))]
    | Annotated[ApiEntry, Tag(tag("api"))]
    | Annotated[AttributeEntry, Tag(tag("attribute"))]
    | Annotated[DateEntry, Tag(tag("date"))]
    | Annotated[ScheduleEntry, Tag(tag("schedule"))]
    | Annotated[NearEntry, Tag(tag("near"))]
    | Annotated[SegmentEntry, Tag(tag("segment"))]
    | Annotated[GroupEntry, Tag(tag("group"))],
    discriminated_by(
        "an entry",
        *("event", "api", "attribute", "date", "schedule", "near", "segment", "group"),
        hints={
            **dict.fromkeys(("where", "key", "max_age"), "event"),
            **dict.fromkeys(("every", "offset"), "date"),
            **dict.fromkeys(("cron", "at"), "schedule"),
        },
    ),
]

# --------------------------------------------------------------------------------------- goals


class EventGoal(EventTrigger):
    """`{event: Order Completed, where, within: 7d, value: total}`."""

    within: DurationText | None = None
    value: Path | None = None


class MessageGoal(MessageTrigger):
    """`{message: STEP, is: clicked, within}`."""

    within: DurationText | None = None
    value: Path | None = None


Goal = Annotated[
    Annotated[EventGoal, Tag(tag("event"))] | Annotated[MessageGoal, Tag(tag("message"))],
    discriminated_by("a goal", "event", "message", hints={"is": "message", "where": "event"}),
]
"""What a journey is for. A goal only measures, up to `within` after entry."""

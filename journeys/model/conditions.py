"""Conditions on a contact, its events, messages and steps.

The models mirror the documents word for word, so that one definition serves the parser, the JSON
Schema and the compiler to SQL. Conditions are never evaluated in Python: they are compiled to SQL,
for one contact or for all contacts.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, StrictBool, StrictInt, Tag, model_validator

from journeys.model.moments import ConditionMoment
from journeys.model.unions import LIST, MAPPING, PLAIN, discriminated_by, tag
from journeys.model.values import (
    AttributeReference,
    DocumentModel,
    DurationText,
    EntryReference,
    Identifier,
    Key,
    Name,
    Operand,
    Path,
    Scalar,
    StepReference,
)
from journeys.model.well_known_events import ConsentState
from journeys.protocol.message_status import MessageStatus

OPERATORS = (
    "is", "is_not", "in", "not_in", "gt", "gte", "lt", "lte",
    "contains", "starts_with", "ends_with", "exists", "before", "after", "any",
)  # fmt: skip


Choices = (
    Annotated[
        Annotated[EntryReference, Tag(tag("entry"))]
        | Annotated[AttributeReference, Tag(tag("attribute"))]
        | Annotated[StepReference, Tag(tag("step"))]
        | Annotated[list[Operand], Tag(LIST)],
        discriminated_by("a list", "entry", "attribute", "step", listed=True),
    ]
    | None
)
"""What `in` takes: a list of values, or a reference to one."""


def _filled(word: str, asked: object) -> None:
    if asked is None:
        raise ValueError(f"`{word}` compares with nothing; give it a value, or leave it out")
    if asked == {}:
        raise ValueError("`any` asks nothing; write for example any: {sku: A, price: {gt: 50}}")


class Comparison(DocumentModel):
    """Operators on one value; all of them must hold.

    `before` and `after` compare with a moment, as of when the condition is judged. `any` holds if
    one element of a list meets everything inside it. A value that is missing or of the wrong type
    equals no other value: comparisons are false, `is_not` and `not_in` are true. Text never equals
    a number.
    """

    is_: Operand = Field(default=None, alias="is")
    is_not: Operand = None
    in_: Choices = Field(default=None, alias="in")
    not_in: Choices = None
    gt: Operand = None
    gte: Operand = None
    lt: Operand = None
    lte: Operand = None
    contains: Operand = None
    starts_with: Operand = None
    ends_with: Operand = None
    exists: StrictBool | None = None
    before: ConditionMoment | None = None
    after: ConditionMoment | None = None
    any: Where | None = None

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if not self.operators():
            raise ValueError(f"nothing is compared; add an operator: {', '.join(OPERATORS)}")
        for word in ("in", "not_in", "before", "after", "any"):
            name = "in_" if word == "in" else word
            if name in self.model_fields_set and not isinstance(getattr(self, name), list):
                _filled(word, getattr(self, name))
        return self

    def operators(self) -> dict[str, Any]:
        """The operators that the document has, by its words (`is`, `in`, `gte`…)."""
        names = Comparison.model_fields
        return {
            (names[name].alias or name): getattr(self, name)
            for name in names
            if name in self.model_fields_set
        }


Where: TypeAlias = dict[
    Path,
    Annotated[
        Annotated[EntryReference, Tag(tag("entry"))]
        | Annotated[AttributeReference, Tag(tag("attribute"))]
        | Annotated[StepReference, Tag(tag("step"))]
        | Annotated[Comparison, Tag(MAPPING)]
        | Annotated[list[Operand], Tag(LIST)]
        | Annotated[Scalar, Tag(PLAIN)],
        discriminated_by(
            "a property", "entry", "attribute", "step", plain=True, listed=True, otherwise=MAPPING
        ),
    ],
]
"""Conditions on the properties of an event by path. A plain value means `is`, a list `in`."""


class AttributeCondition(Comparison):
    """`{attribute: country, is: FR}`."""

    attribute: Path


Count = Annotated[
    Annotated[Comparison, Tag(MAPPING)] | Annotated[Annotated[StrictInt, Field(ge=0)], Tag(PLAIN)],
    discriminated_by("`count`", plain=True, otherwise=MAPPING),
]


class EventCondition(DocumentModel):
    """`{event: NAME, where, count | sum | avg | min | max, within | since, before}`."""

    event: Name
    where: Where = Field(default_factory=dict)
    count: Count | None = None
    sum: dict[Path, Comparison] | None = None
    avg: dict[Path, Comparison] | None = None
    min: dict[Path, Comparison] | None = None
    max: dict[Path, Comparison] | None = None
    within: DurationText | None = None
    since: ConditionMoment | None = None
    before: ConditionMoment | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        used = [
            name
            for name in ("count", "sum", "avg", "min", "max")
            if getattr(self, name) is not None
        ]
        if len(used) > 1:
            raise ValueError(
                f"`{used[0]}` and `{used[1]}` do not go together; put two conditions in `all`"
            )
        for name in used[:1]:
            measured = getattr(self, name)
            if name != "count" and len(measured) != 1:
                raise ValueError(
                    f"`{name}` takes one property, such as {name}: {{total: {{gte: 500}}}}"
                )
        return self


class MessageCondition(DocumentModel):
    """`{message: STEP, is: clicked}`: the status of the contact's latest message of that step."""

    message: Identifier
    is_: MessageStatus = Field(alias="is")
    where: Where = Field(default_factory=dict)


class StepCondition(Comparison):
    """`{step: ID, is: OUTCOME}` or `{step: ID, property: event.score, gte: 9}`."""

    step: Identifier
    property: Path | None = None


class EntryCondition(Comparison):
    """`{entry: total, gte: 50}`: a property of the entry event."""

    entry: Path


class GroupCondition(DocumentModel):
    """`{group: vip}`."""

    group: Name


class SegmentCondition(DocumentModel):
    """`{segment: loyal}`."""

    segment: Key


class TopicCondition(DocumentModel):
    """`{topic: offers, is: subscribed}`."""

    topic: Key
    is_: ConsentState = Field(alias="is")


Number = Annotated[float, Field(strict=True)]


class Near(DocumentModel):
    """A distance from named places, or from a point in degrees (WGS 84)."""

    km: Annotated[Number, Field(gt=0, le=20_040)]
    places: Key | None = None
    lat: Annotated[Number, Field(ge=-90, le=90)] | None = None
    lon: Annotated[Number, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        point = (self.lat is not None) + (self.lon is not None)
        if (self.places is not None and point) or (self.places is None and point != 2):
            raise ValueError("`near` needs `places`, or both `lat` and `lon`")
        return self


class NearCondition(DocumentModel):
    """`{near: {places: shops, km: 1}}`."""

    near: Near


class AllCondition(DocumentModel):
    """All conditions hold; an empty list holds."""

    all: list[Condition]


class AnyCondition(DocumentModel):
    """At least one condition holds; an empty list does not."""

    any: list[Condition]


class NotCondition(DocumentModel):
    """The condition does not hold."""

    not_: Condition = Field(alias="not")


Condition = Annotated[
    Annotated[AttributeCondition, Tag(tag("attribute"))]
    | Annotated[EventCondition, Tag(tag("event"))]
    | Annotated[MessageCondition, Tag(tag("message"))]
    | Annotated[StepCondition, Tag(tag("step"))]
    | Annotated[EntryCondition, Tag(tag("entry"))]
    | Annotated[GroupCondition, Tag(tag("group"))]
    | Annotated[SegmentCondition, Tag(tag("segment"))]
    | Annotated[TopicCondition, Tag(tag("topic"))]
    | Annotated[NearCondition, Tag(tag("near"))]
    | Annotated[AllCondition, Tag(tag("all"))]
    | Annotated[AnyCondition, Tag(tag("any"))]
    | Annotated[NotCondition, Tag(tag("not"))],
    discriminated_by(
        "a condition",
        *("attribute", "event", "message", "step", "entry", "group", "segment", "topic", "near"),
        *("all", "any", "not"),
        hints={"count": "event", "within": "event", "sum": "event", "property": "step"},
    ),
]

Comparison.model_rebuild(force=True)
AttributeCondition.model_rebuild(force=True)
StepCondition.model_rebuild(force=True)
EntryCondition.model_rebuild(force=True)
EventCondition.model_rebuild(force=True)
MessageCondition.model_rebuild(force=True)
for _model in (AllCondition, AnyCondition, NotCondition):
    _model.model_rebuild()

"""Conditions: what a journey may ask about a contact, its events, messages and steps.

The models mirror the documents word for word, so that one definition serves the parser, the JSON
Schema and the compiler to SQL. Conditions are never evaluated here: they are compiled to SQL, for
one contact or for all of them, and that is their only meaning.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | bool | int | float | None
Fate = Literal["delivered", "opened", "clicked", "bounced", "replied"]


class DocumentModel(BaseModel):
    """A part of a document: unknown keys are errors, words of Python are spelled with aliases."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class EntryReference(DocumentModel):
    """A property of the entry event: `{entry: PATH}`."""

    entry: str


class AttributeReference(DocumentModel):
    """An attribute of the contact: `{attribute: PATH}`."""

    attribute: str


class StepReference(DocumentModel):
    """Something an earlier step left, at its latest visit: `{step: ID, property: PATH}`."""

    step: str
    property: str


Reference = EntryReference | AttributeReference | StepReference
Operand = Reference | Scalar
Operands = list[Operand] | Operand


class Comparison(DocumentModel):
    """Operators on one value; several of them must all hold.

    A missing or wrongly typed value equals nothing: comparisons are false, `is_not` and `not_in`
    true. Text never equals a number.
    """

    is_: Operand = Field(default=None, alias="is")
    is_not: Operand = None
    in_: list[Operand] | None = Field(default=None, alias="in")
    not_in: list[Operand] | None = None
    gt: Operand = None
    gte: Operand = None
    lt: Operand = None
    lte: Operand = None
    contains: Operand = None
    starts_with: Operand = None
    ends_with: Operand = None
    exists: bool | None = None
    before: Operand = None
    after: Operand = None

    def operators(self) -> dict[str, Operand | list[Operand]]:
        """The operators that were written, by the word of the document (`is`, `in`, `gte`…)."""
        names = Comparison.model_fields
        return {
            (names[name].alias or name): getattr(self, name)
            for name in names
            if name in self.model_fields_set
        }


Where = dict[str, Comparison | Operands]
"""Conditions on the properties of an event by dotted path: a plain value is `is`, a list `in`."""


class AttributeCondition(Comparison):
    """`{attribute: country, is: FR}`."""

    attribute: str


class EventCondition(DocumentModel):
    """`{event: NAME, where, count | sum | avg | min | max, within | since, before}`."""

    event: str
    where: Where = Field(default_factory=dict)
    count: Comparison | int | None = None
    sum: dict[str, Comparison] | None = None
    avg: dict[str, Comparison] | None = None
    min: dict[str, Comparison] | None = None
    max: dict[str, Comparison] | None = None
    within: str | None = None
    since: str | Reference | None = None
    before: str | Reference | None = None


class MessageCondition(DocumentModel):
    """`{message: STEP, is: clicked}`: the fate of the contact's latest message of that step."""

    message: str
    is_: Fate = Field(alias="is")
    where: Where = Field(default_factory=dict)


class StepCondition(Comparison):
    """`{step: ID, is: OUTCOME}` or `{step: ID, property: event.score, gte: 9}`."""

    step: str
    property: str | None = None


class EntryCondition(Comparison):
    """`{entry: total, gte: 50}`: a property of the entry event."""

    entry: str


class GroupCondition(DocumentModel):
    """`{group: vip}`."""

    group: str


class SegmentCondition(DocumentModel):
    """`{segment: loyal}`."""

    segment: str


class TopicCondition(DocumentModel):
    """`{topic: offers, is: subscribed}`."""

    topic: str
    is_: Literal["subscribed", "pending", "unsubscribed"] = Field(alias="is")


class Near(DocumentModel):
    """A distance from named places, or from a point in degrees (WGS 84)."""

    km: float
    places: str | None = None
    lat: float | None = None
    lon: float | None = None


class NearCondition(DocumentModel):
    """`{near: {places: shops, km: 1}}`."""

    near: Near


class AllCondition(DocumentModel):
    """Every one holds; an empty list holds."""

    all: list[Condition]


class AnyCondition(DocumentModel):
    """At least one holds; an empty list does not."""

    any: list[Condition]


class NotCondition(DocumentModel):
    """It does not hold."""

    not_: Condition = Field(alias="not")


Condition = Annotated[
    AttributeCondition
    | EventCondition
    | MessageCondition
    | StepCondition
    | EntryCondition
    | GroupCondition
    | SegmentCondition
    | TopicCondition
    | NearCondition
    | AllCondition
    | AnyCondition
    | NotCondition,
    Field(union_mode="smart"),
]

for _model in (AllCondition, AnyCondition, NotCondition):
    _model.model_rebuild()

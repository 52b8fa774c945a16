"""Steps: what a run does, one after the other."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    Tag,
    model_serializer,
    model_validator,
)

from journeys.model.actions import Coupon, Emission, Enter, Membership, Update
from journeys.model.conditions import Condition
from journeys.model.outcome_names import check_unreserved
from journeys.model.sends import Email, MessageContent, Sms, Webhook
from journeys.model.unions import closest_match, discriminated_by, tag
from journeys.model.values import (
    DocumentModel,
    DurationText,
    Identifier,
    Name,
    Text,
)
from journeys.model.waits import Wait
from journeys.protocol.channels import ChannelName
from journeys.protocol.message_status import MessageStatus
from journeys.protocol.program import KINDS, Kind


class BaseStep(DocumentModel):
    """Fields that every step has."""

    kind: ClassVar[Kind]
    id: Identifier
    if_: Condition | None = Field(default=None, alias="if")


# --------------------------------------------------------------------------------------- sends


class BaseSend(BaseStep):
    """Fields that every send has; the key of its content is the name of its channel."""

    kind: ClassVar[ChannelName]


class BaseMessage(BaseSend):
    """Fields that every send to the contact has."""

    @property
    def content(self) -> MessageContent:
        """What is sent, with its settings before inheritance."""
        content: MessageContent = getattr(self, self.kind)
        return content


class EmailStep(BaseMessage):
    """Sends an e-mail."""

    kind: ClassVar[ChannelName] = "email"
    email: Email


class SmsStep(BaseMessage):
    """Sends a text message."""

    kind: ClassVar[ChannelName] = "sms"
    sms: Sms


class WebhookStep(BaseSend):
    """Calls a system of yours."""

    kind: ClassVar[ChannelName] = "webhook"
    webhook: Webhook


# --------------------------------------------------------------------------------------- waits


def _plain_wait(value: object) -> object:
    if value is None or isinstance(value, dict | list | DocumentModel):
        return value
    return {"for": value}


class WaitStep(BaseStep):
    """Waits for a duration, a moment, an event, a message's status or a condition."""

    kind: ClassVar[Kind] = "wait"
    wait: Annotated[Wait, BeforeValidator(_plain_wait, json_schema_input_type=DurationText | Wait)]


# ------------------------------------------------------------------------------------ branching


class Case(DocumentModel):
    """One way of a branch; without a name, its place from 1 is its name."""

    beside: ClassVar[tuple[str, ...]] = ("else",)
    name: Name = ""
    if_: Condition = Field(alias="if")
    then: list[Step]


class Otherwise(DocumentModel):
    """`{else: […]}`, the last way of a branch, as documents write it."""

    else_: list[Step] = Field(alias="else")


def _numbered(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [
        {"name": str(place), **case} if isinstance(case, dict) and "name" not in case else case
        for place, case in enumerate(value, 1)
    ]


class BranchStep(BaseStep):
    """Takes the first case whose condition holds, otherwise `else_`."""

    kind: ClassVar[Kind] = "branch"
    unwritten: ClassVar[frozenset[str]] = frozenset({"else_"})
    branch: Annotated[
        list[Case], BeforeValidator(_numbered, json_schema_input_type=list[Case | Otherwise])
    ]
    else_: list[Step] | None = Field(default=None, alias="else")

    @model_validator(mode="before")
    @classmethod
    def _split_off_else(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(cases := value.get("branch"), list):
            return value
        last = cases[-1] if cases else None
        if not isinstance(last, dict) or "if" in last or "then" in last:
            return value
        keys = [key for key in last if closest_match(str(key), ["else"])]
        if keys != ["else"] or len(last) != 1 or "else" in value:
            return value
        return {**value, "branch": cases[:-1], "else": last["else"]}

    @model_validator(mode="after")
    def _names(self) -> Self:
        if not self.branch:
            raise ValueError("a branch needs a case: {if: CONDITION, then: [steps]}")
        seen: set[str] = set()
        for case in self.branch:
            check_unreserved(case.name)
            if case.name in seen:
                raise ValueError(f"two cases are called `{case.name}`")
            seen.add(case.name)
        return self

    @model_serializer(mode="wrap")
    def _join_else(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        otherwise = written.pop("else", None)
        if otherwise is not None:
            written["branch"] = [*written["branch"], {"else": otherwise}]
        return written


class Winner(DocumentModel):
    """Takes, after a while, the arm with the highest share of contacts with that message status."""

    by: MessageStatus
    after: DurationText


class Arm(DocumentModel):
    """One way of a split."""

    name: Name
    weight: Annotated[float, Field(strict=True, gt=0)]
    then: list[Step] | None = None
    holdout: StrictBool = False
    winner: Winner | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        check_unreserved(self.name)
        if (self.then is not None) + self.holdout + (self.winner is not None) > 1:
            raise ValueError("an arm has one of `then`, `holdout: true` and `winner`")
        return self


class SplitStep(BaseStep):
    """Takes an arm by weight, always the same one for the same contact."""

    kind: ClassVar[Kind] = "split"
    split: Annotated[list[Arm], Field(min_length=2)]

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [arm.name for arm in self.split]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two arms are called `{name}`")
        return self


# ------------------------------------------------------------------------- changes of the contact


class UpdateStep(BaseStep):
    """Changes attributes of the contact."""

    kind: ClassVar[Kind] = "update"
    update: Update


class GroupStep(BaseStep):
    """Adds the contact to groups and removes it from others."""

    kind: ClassVar[Kind] = "group"
    group: Membership


class CouponStep(BaseStep):
    """Draws a coupon code."""

    kind: ClassVar[Kind] = "coupon"
    coupon: Coupon


# ------------------------------------------------------------------------- events, journeys, jumps


class EmitStep(BaseStep):
    """Records an event of this contact."""

    kind: ClassVar[Kind] = "emit"
    emit: Emission


class EnterStep(BaseStep):
    """Starts another journey for this contact."""

    kind: ClassVar[Kind] = "enter"
    enter: Enter


class GotoStep(BaseStep):
    """Jumps to a step that was visited less than `max_visits` times."""

    kind: ClassVar[Kind] = "goto"
    goto: Identifier
    max_visits: Annotated[StrictInt, Field(ge=1, le=10_000)] = 100


class ExitStep(BaseStep):
    """Ends the run with a reason."""

    kind: ClassVar[Kind] = "exit"
    exit: Text


Step = Annotated[
    Annotated[EmailStep, Tag(tag("email"))]
    | Annotated[SmsStep, Tag(tag("sms"))]
    | Annotated[WebhookStep, Tag(tag("webhook"))]
    | Annotated[WaitStep, Tag(tag("wait"))]
    | Annotated[BranchStep, Tag(tag("branch"))]
    | Annotated[SplitStep, Tag(tag("split"))]
    | Annotated[UpdateStep, Tag(tag("update"))]
    | Annotated[GroupStep, Tag(tag("group"))]
    | Annotated[CouponStep, Tag(tag("coupon"))]
    | Annotated[EmitStep, Tag(tag("emit"))]
    | Annotated[EnterStep, Tag(tag("enter"))]
    | Annotated[GotoStep, Tag(tag("goto"))]
    | Annotated[ExitStep, Tag(tag("exit"))],
    discriminated_by(
        "a step",
        *KINDS,
        hints={"max_visits": "goto"},
    ),
]

SendStep = EmailStep | SmsStep | WebhookStep

_FORWARD = {"Step": Step}
for _model in (Case, Otherwise, Arm, BranchStep, SplitStep):
    _model.model_rebuild(_types_namespace=_FORWARD)


def children(step: Step) -> list[tuple[tuple[str | int, ...], list[Step]]]:
    """The lists of steps inside a step, each with its path in the document from the step."""
    if isinstance(step, BranchStep):
        lines: list[tuple[tuple[str | int, ...], list[Step]]] = [
            (("branch", place, "then"), case.then) for place, case in enumerate(step.branch)
        ]
        if step.else_ is not None:
            lines.append((("branch", len(step.branch), "else"), step.else_))
        return lines
    if isinstance(step, SplitStep):
        return [
            (("split", place, "then"), arm.then)
            for place, arm in enumerate(step.split)
            if arm.then is not None
        ]
    return []

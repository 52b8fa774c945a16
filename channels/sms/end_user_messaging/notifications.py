"""Notifications of End User Messaging: delivery receipts, and text messages that came in.

SNS, the simple way to send text messages, writes its delivery status into CloudWatch logs alone;
so no receipt of it arrives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from channels.email.mime import MESSAGE_TAG
from channels.notifications import (
    InboundText,
    Notification,
    Unreadable,
    parse_message_id,
    parse_time,
    read_object,
    read_text,
)
from journeys.model.well_known_events import MESSAGE_BOUNCED, MESSAGE_DELIVERED, MESSAGE_SENT

PROVIDER: Final = "end-user-messaging"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a type of event means for a message."""

    name: str
    bounce: Literal["hard", "soft"] | None = None
    of_the_message: bool = False
    """The message was refused for what it says, or for its sender: no sign against the number."""


_SENT = _Meaning(MESSAGE_SENT)
_DELIVERED = _Meaning(MESSAGE_DELIVERED)
_UNREACHED = _Meaning(MESSAGE_BOUNCED, "soft")
_UNWANTED = _Meaning(MESSAGE_BOUNCED, "soft", of_the_message=True)

EVENT_TYPES: Final[Mapping[str, _Meaning | None]] = {
    "TEXT_SENT": _SENT,
    "TEXT_QUEUED": _SENT,
    "TEXT_PENDING": _SENT,
    # In some countries the carrier's acceptance is the last that is heard of a message.
    "TEXT_SUCCESSFUL": _DELIVERED,
    "TEXT_DELIVERED": _DELIVERED,
    "TEXT_INVALID": _Meaning(MESSAGE_BOUNCED, "hard"),
    "TEXT_INVALID_MESSAGE": _UNWANTED,
    "TEXT_UNREACHABLE": _UNREACHED,
    "TEXT_CARRIER_UNREACHABLE": _UNREACHED,
    "TEXT_BLOCKED": _UNREACHED,
    "TEXT_CARRIER_BLOCKED": _UNWANTED,
    "TEXT_SPAM": _UNWANTED,
    "TEXT_TTL_EXPIRED": _UNREACHED,
    "TEXT_PROTECT_BLOCKED": _UNWANTED,
    # No carrier has said anything within 72 hours.
    "TEXT_UNKNOWN": None,
}
"""The types of events of text messages, and what they mean; None says nothing."""


def parse_record(record: Mapping[str, Any]) -> list[Notification] | InboundText:
    """The facts of one record: a receipt, or a text message that came in. Raises Unreadable."""
    if "inboundMessageId" in record:
        return _inbound(record)
    return parse_receipt(record)


def parse_receipt(record: Mapping[str, Any]) -> list[Notification]:
    """The facts of one receipt; none for a kind that says nothing. Raises Unreadable."""
    kind, provider_id = read_text(record, "eventType"), read_text(record, "messageId")
    if kind is None or provider_id is None:
        raise Unreadable("it is no event of End User Messaging: eventType or messageId is missing")
    meaning = EVENT_TYPES.get(kind)
    if meaning is None:
        return []
    properties: dict[str, Any] = {}
    if meaning.bounce is not None:
        properties = {"type": meaning.bounce, "code": kind}
        if detail := read_text(record, "messageStatusDescription"):
            properties["detail"] = detail
        if meaning.of_the_message:
            properties["cause"] = "message"
    context = read_object(record, "context")
    return [
        Notification(
            # Several types say the same of a message, and each is said once.
            id=f"{provider_id}:{meaning.name}:{kind if meaning.bounce else ''}",
            name=meaning.name,
            happened_at=parse_time(record.get("eventTimestamp")),
            message_id=parse_message_id(context.get(MESSAGE_TAG)),
            provider=PROVIDER,
            provider_id=provider_id,
            properties=properties,
        )
    ]


def _inbound(record: Mapping[str, Any]) -> InboundText:
    inbound_id = read_text(record, "inboundMessageId")
    sender, recipient = (
        read_text(record, "originationNumber"),
        read_text(record, "destinationNumber"),
    )
    if inbound_id is None or sender is None or recipient is None:
        raise Unreadable(
            "it is no inbound message: inboundMessageId, originationNumber or destinationNumber"
            " is missing"
        )
    return InboundText(
        id=inbound_id,
        sender=sender,
        recipient=recipient,
        text=read_text(record, "messageBody") or read_text(record, "messageKeyword") or "",
        provider=PROVIDER,
        previous_provider_id=read_text(record, "previousPublishedMessageId"),
    )

"""Envelopes of SNS: the form in which Amazon's notifications come by HTTPS, or by a queue.

A notification of SES or of End User Messaging is the text `Message` inside. By a queue with raw
delivery it comes without an envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from channels.notifications import LONGEST_BODY, Unreadable, parse_object, parse_time

EnvelopeType = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]

_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_HANDSHAKE: Final = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip
_SIGNED: Final[Mapping[EnvelopeType, tuple[str, ...]]] = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _HANDSHAKE,
    "UnsubscribeConfirmation": _HANDSHAKE,
}
"""The fields that a signature covers, in their order."""
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII)
_MESSAGE_ID = re.compile(r"[0-9A-Za-z-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message of SNS. Nothing of it is to be believed before its signature is verified."""

    type: EnvelopeType
    message_id: str
    topic: str
    """The ARN of its topic."""
    region: str
    """The region of its topic."""
    message: str
    sent_at: datetime
    subscribe_url: str | None
    signature_version: str
    signature: str
    certificate_url: str
    signed: bytes
    """What the signature covers."""


def is_topic(text: str) -> bool:
    """Whether a text is the ARN of a topic."""
    return _TOPIC.fullmatch(text) is not None


def is_envelope(record: Mapping[str, Any]) -> bool:
    """Whether an object that came by a queue is an envelope of SNS: it may be raw as well."""
    return record.get("Type") == "Notification" and "TopicArn" in record and "Message" in record


def unwrap(body: bytes | str) -> dict[str, Any]:
    """The notification that came by a queue, with an envelope or without. Raises Unreadable.

    All who may write into the queue are trusted: the signature is not needed.
    """
    record = parse_object(body)
    if not is_envelope(record):
        return record
    message = record["Message"]
    if not isinstance(message, str):
        raise Unreadable("the Message of SNS is not a text")
    return parse_object(message)


def parse_envelope(body: bytes) -> Envelope:
    """The envelope that came by HTTPS. Raises Unreadable if a field is missing or wrong."""
    record = parse_object(body)
    kind = next((each for each in _SIGNED if each == record.get("Type")), None)
    if kind is None:
        raise Unreadable("Type is not one of SNS")
    topic = _text(record, "TopicArn")
    region = _TOPIC.fullmatch(topic)
    if region is None:
        raise Unreadable("TopicArn is not the ARN of a topic")
    message_id = _text(record, "MessageId")
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise Unreadable("MessageId is not an id of SNS")
    sent_at = parse_time(record.get("Timestamp"))
    if sent_at is None:
        raise Unreadable("Timestamp is not a time")
    fields = _SIGNED[kind]
    lines = [
        f"{name}\n{_text(record, name)}\n"
        for name in fields
        # Only the subject is optional.
        if name != "Subject" or record.get(name) is not None
    ]
    return Envelope(
        type=kind,
        message_id=message_id,
        topic=topic,
        region=region[1],
        message=_text(record, "Message"),
        sent_at=sent_at,
        subscribe_url=None if kind == "Notification" else _text(record, "SubscribeURL"),
        signature_version=_text(record, "SignatureVersion"),
        signature=_text(record, "Signature"),
        certificate_url=_text(record, "SigningCertURL"),
        signed="".join(lines).encode("utf-8", "surrogatepass"),
    )


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_BODY:
        raise Unreadable(f"{name} is not a text")
    return value

"""Notifications of SES: events of configuration sets, and feedback of identities.

The first are named by `eventType` and repeat the message's tags; the second are named by
`notificationType` and repeat its headers, if the identity is set to include them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from crawleruseragents import is_crawler

from channels.email.mime import MESSAGE_HEADER, MESSAGE_TAG
from channels.notifications import (
    Actor,
    Notification,
    Unreadable,
    bounded_text,
    parse_message_id,
    parse_time,
    read_object,
    read_text,
)
from journeys.model.well_known_events import (
    MESSAGE_BOUNCED,
    MESSAGE_CLICKED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELAYED,
    MESSAGE_DELIVERED,
    MESSAGE_OPENED,
    MESSAGE_SENT,
    TOPIC_UNSUBSCRIBED,
)

PROVIDER: Final = "ses"
_OF_THE_MESSAGE: Final = ("MessageTooLarge", "ContentRejected", "AttachmentRejected")
"""Subtypes of a bounce that says nothing about the address."""
_NO_COMPLAINT: Final = "not-spam"
"""The feedback type of a report that a message is no spam."""
_IMAGE_PROXIES: Final = ("GoogleImageProxy", "YahooMailProxy")
"""In the user agents of mailbox providers, which load images for people and for themselves."""
_APPLE: Final = "Mozilla/5.0"
"""The user agent of Apple's Mail Privacy Protection, which loads all images."""


def parse_event(record: Mapping[str, Any]) -> list[Notification]:
    """The facts of one record of SES; none for a kind that says nothing about a message.

    Raises Unreadable if the record has no kind, or no message.
    """
    kind = read_text(record, "eventType") or read_text(record, "notificationType")
    mail = read_object(record, "mail")
    provider_id = read_text(mail, "messageId")
    if kind is None or provider_id is None:
        raise Unreadable("it is no event of SES: eventType or mail.messageId is missing")
    reader = _READERS.get(kind)
    if reader is None:
        return []
    return reader(_Mail(record, mail, provider_id))


class _Mail:
    """A record of SES, and the message that it is about."""

    def __init__(self, record: Mapping[str, Any], mail: dict[str, Any], provider_id: str) -> None:
        self.record = record
        self.mail = mail
        self.provider_id = provider_id

    def part(self, name: str) -> dict[str, Any]:
        return read_object(self.record, name)

    def time_of(self, part: Mapping[str, Any]) -> datetime | None:
        return parse_time(part.get("timestamp")) or parse_time(self.mail.get("timestamp"))

    def message_id(self) -> UUID | None:
        tagged = read_object(self.mail, "tags").get(MESSAGE_TAG)
        if isinstance(tagged, list) and tagged and (found := parse_message_id(tagged[0])):
            return found
        headers = self.mail.get("headers")
        for header in headers if isinstance(headers, list) else []:
            if not isinstance(header, dict):
                continue
            name, value = header.get("name"), header.get("value")
            if isinstance(name, str) and name.lower() == MESSAGE_HEADER.lower():
                return parse_message_id(value)
        return None

    def notification(
        self,
        name: str,
        key: str,
        part: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        by: Actor | None = None,
    ) -> list[Notification]:
        """One fact; `key` tells it from others of the same name and message."""
        identity = f"{name}\0{self.provider_id}\0{key}"
        return [
            Notification(
                id=sha256(identity.encode()).hexdigest(),
                name=name,
                happened_at=self.time_of(part),
                message_id=self.message_id(),
                provider=PROVIDER,
                provider_id=self.provider_id,
                properties={
                    name: value for name, value in (properties or {}).items() if value is not None
                },
                by=by,
            )
        ]


def _send(mail: _Mail) -> list[Notification]:
    return mail.notification(MESSAGE_SENT, "", {})


def _delivery(mail: _Mail) -> list[Notification]:
    return mail.notification(MESSAGE_DELIVERED, "", mail.part("delivery"))


def _delivery_delay(mail: _Mail) -> list[Notification]:
    part = mail.part("deliveryDelay")
    recipient = _first(part, "delayedRecipients")
    return mail.notification(
        MESSAGE_DELAYED,
        str(part.get("timestamp"))[:40],
        part,
        {
            "code": read_text(part, "delayType"),
            "status": read_text(recipient, "status"),
            "detail": read_text(recipient, "diagnosticCode"),
        },
    )


def _bounce(mail: _Mail) -> list[Notification]:
    part = mail.part("bounce")
    recipient = _first(part, "bouncedRecipients")
    hard = part.get("bounceType") == "Permanent"
    return mail.notification(
        MESSAGE_BOUNCED,
        read_text(part, "feedbackId") or str(part.get("timestamp"))[:40],
        part,
        {
            "type": "hard" if hard else "soft",
            "code": read_text(part, "bounceSubType"),
            "status": read_text(recipient, "status"),
            "detail": read_text(recipient, "diagnosticCode"),
            # The address takes mail, but not this one.
            "cause": "message" if part.get("bounceSubType") in _OF_THE_MESSAGE else None,
        },
    )


def _complaint(mail: _Mail) -> list[Notification]:
    part = mail.part("complaint")
    kind = read_text(part, "complaintFeedbackType")
    if kind == _NO_COMPLAINT:
        return []
    return mail.notification(
        MESSAGE_COMPLAINED,
        read_text(part, "feedbackId") or str(part.get("timestamp"))[:40],
        part,
        {"code": read_text(part, "complaintSubType") or kind},
    )


def _reject(mail: _Mail) -> list[Notification]:
    detail = read_text(mail.part("reject"), "reason")
    return mail.notification(
        MESSAGE_BOUNCED,
        "reject",
        {},
        {"type": "soft", "code": "rejected", "detail": detail, "cause": "message"},
    )


def _rendering_failure(mail: _Mail) -> list[Notification]:
    detail = read_text(mail.part("failure"), "errorMessage")
    return mail.notification(
        MESSAGE_BOUNCED,
        "rendering",
        {},
        {"type": "soft", "code": "rendering_failure", "detail": detail, "cause": "message"},
    )


def _open(mail: _Mail) -> list[Notification]:
    part = mail.part("open")
    return mail.notification(MESSAGE_OPENED, _hit(part), part, by=_actor(part))


def _click(mail: _Mail) -> list[Notification]:
    part = mail.part("click")
    url = read_text(part, "link")
    return mail.notification(MESSAGE_CLICKED, _hit(part), part, {"url": url}, by=_actor(part))


def _subscription(mail: _Mail) -> list[Notification]:
    """The reader left a list that SES manages, by the link that SES put into the message."""
    part = mail.part("subscription")
    preferences = read_object(part, "newTopicPreferences")
    if preferences.get("unsubscribeAll") is not True:
        return []
    return mail.notification(TOPIC_UNSUBSCRIBED, "subscription", part)


def _hit(part: Mapping[str, Any]) -> str:
    return "\0".join(
        bounded_text(str(part.get(name))) for name in ("timestamp", "ipAddress", "link")
    )


def _actor(part: Mapping[str, Any]) -> Actor:
    """By whom a hit is, as far as one hit alone can say: SES does not classify hits.

    Only a known robot is a machine. Those that load images before anyone reads are `unknown`.
    """
    agent = read_text(part, "userAgent") or ""
    if not agent or agent == _APPLE or any(proxy in agent for proxy in _IMAGE_PROXIES):
        return "unknown"
    return "machine" if is_crawler(agent) else "human"


def _first(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The first of a list of objects: our messages have one recipient."""
    values = part.get(name)
    first = values[0] if isinstance(values, list) and values else None
    return first if isinstance(first, dict) else {}


_READERS: Final[Mapping[str, Callable[[_Mail], list[Notification]]]] = {
    "Send": _send,
    "Reject": _reject,
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "Open": _open,
    "Click": _click,
    "Rendering Failure": _rendering_failure,
    "DeliveryDelay": _delivery_delay,
    "Subscription": _subscription,
}

EVENT_TYPES: Final = frozenset(_READERS)
"""The kinds of events that are read."""

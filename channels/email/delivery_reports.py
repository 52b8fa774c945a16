"""Reports of mail servers about a message of ours: delivery (RFC 3464) and abuse (RFC 5965)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from email.utils import parsedate_to_datetime
from typing import Any, Final

from channels.notifications import bounded_text
from journeys.model.well_known_events import (
    MESSAGE_BOUNCED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELAYED,
    MESSAGE_DELIVERED,
    TOPIC_UNSUBSCRIBED,
)

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b", re.ASCII)
_FULL: Final = (2, 2)
_SYSTEM: Final = 3
"""The subject of a status code that is about the receiving system."""
_TOO_LARGE: Final = ((2, 3), (3, 4))
_OF_THE_MESSAGE: Final = (5, 6, 7)
"""Subjects of a status code (RFC 3463) that are about protocol, content or policy."""
_DELIVERY_STATUS: Final = ("message/delivery-status", "message/global-delivery-status")
_LONGEST_HEADERS: Final = 100_000
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "virus", "other"})

Fact = tuple[str, dict[str, Any]]
"""A well-known event and its properties."""


def report_kind(mail: Message) -> str | None:
    """`delivery-status`, `feedback-report` and so on; None for mail that is no report."""
    if mail.get_content_type() != "multipart/report":
        return None
    kind = mail.get_param("report-type")
    if isinstance(kind, str):
        return kind.lower()
    # Some servers leave the parameter out.
    parts = {part.get_content_type() for part in _parts(mail)}
    for known in ("delivery-status", "feedback-report", "disposition-notification"):
        if f"message/{known}" in parts:
            return known
    return ""


def read_delivery_status(mail: Message) -> Fact | None:
    """What a delivery status notification says; None if it says nothing of a recipient."""
    for part in _parts(mail):
        if part.get_content_type() not in _DELIVERY_STATUS:
            continue
        for block in _blocks(part):
            action = _field(block, "Action").lower()
            if action:
                return _fact_of(action, _field(block, "Status"), _field(block, "Diagnostic-Code"))
    return None


def read_plain_bounce(mail: Message) -> Fact:
    """What a bounce in no standard form says. Its words are searched for a status code."""
    for part in _parts(mail):
        if part.get_content_type() == "text/plain":
            text = text_of(part)
            if match := _STATUS.search(text):
                detail = text[max(match.start() - 100, 0) : match.end() + 200]
                return MESSAGE_BOUNCED, _bounce(match, {"detail": bounded_text(detail)})
    # Without a code it is no sign against the address.
    return MESSAGE_BOUNCED, {"type": "soft", "code": "unclear", "cause": "message"}


def read_feedback_report(mail: Message) -> Fact | None:
    """What an abuse report says; None for a report that a message is no spam."""
    for part in _parts(mail):
        if part.get_content_type() != "message/feedback-report":
            continue
        for block in _blocks(part):
            kind = _field(block, "Feedback-Type").lower()
            if kind in _COMPLAINTS:
                return MESSAGE_COMPLAINED, {"code": kind}
            if kind.startswith("opt-out"):
                return TOPIC_UNSUBSCRIBED, {"code": kind}
    return None


def returned_headers(mail: Message) -> Message | None:
    """The headers of the message that a report returns; None if it returns none."""
    for part in _parts(mail):
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            inner = part.get_payload()
            returned = inner[0] if isinstance(inner, list) and inner else None
            if isinstance(returned, Message):
                return returned
        elif kind in ("text/rfc822-headers", "message/global-headers"):
            return HeaderParser().parsestr(text_of(part)[:_LONGEST_HEADERS])
    return None


def text_of(part: Message) -> str:
    """The text of a part, as far as it can be decoded."""
    try:
        payload = part.get_payload(decode=True)
    except ValueError:
        return ""
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return payload.decode("utf-8", "replace")


def date_of(mail: Message) -> Any:
    """When a mail says that it was written; None if it does not say an instant."""
    try:
        at = parsedate_to_datetime(str(mail.get("Date", "")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo is not None else None


def _fact_of(action: str, status: str, diagnostic: str) -> Fact | None:
    if action in ("delivered", "relayed", "expanded"):
        return (MESSAGE_DELIVERED, {}) if action == "delivered" else None
    properties: dict[str, Any] = {}
    match = _STATUS.search(status) or _STATUS.search(diagnostic)
    if diagnostic:
        properties["detail"] = bounded_text(diagnostic)
    if action == "delayed":
        status_code = {} if match is None else {"status": match.group()}
        return MESSAGE_DELAYED, properties | status_code
    if action != "failed":
        return None
    return MESSAGE_BOUNCED, _bounce(match, properties)


def _bounce(match: re.Match[str] | None, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties of a bounce with this status code. Without one it says little."""
    if match is None:
        return {**properties, "type": "soft", "code": "unclear", "cause": "message"}
    kind, subject, detail = (int(each) for each in match.groups())
    properties = {**properties, "status": match.group()}
    if (subject, detail) in _TOO_LARGE or subject in _OF_THE_MESSAGE:
        return {**properties, "type": "soft", "cause": "message"}
    hard = kind == 5 and (subject, detail) != _FULL and subject != _SYSTEM
    return {**properties, "type": "hard" if hard else "soft"}


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of a mail, without those inside of a returned message."""
    payload = mail.get_payload()
    if mail.get_content_maintype() == "multipart" and isinstance(payload, list):
        for part in payload[:20]:
            if isinstance(part, Message):
                if part.get_content_maintype() == "multipart":
                    inner = part.get_payload()
                    yield from (
                        each
                        for each in (inner[:20] if isinstance(inner, list) else [])
                        if isinstance(each, Message)
                    )
                else:
                    yield part
    elif mail.get_content_maintype() != "multipart":
        yield mail


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a report."""
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload[:50] if isinstance(block, Message))
    elif isinstance(payload, str):
        block = Message()
        for line in text_of(part).splitlines()[:50]:
            name, colon, value = line.partition(":")
            if colon and name.strip().isascii() and name.strip():
                block[name.strip()] = value.strip()
        yield block


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())[:1_000]

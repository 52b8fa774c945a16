"""Mail that comes to our addresses: bounces, complaints, replies and unsubscriptions.

Nothing in it is to be believed beyond this: who knows the token of an address has got the message,
or has sent it on with all its headers. The id of a message is no secret: it stands in each of its
links, which people share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from channels.email.delivery_reports import (
    Fact,
    date_of,
    read_delivery_status,
    read_feedback_report,
    read_plain_bounce,
    report_kind,
    returned_headers,
    text_of,
)
from channels.email.return_addresses import ReturnAddress, ReturnAddresses
from channels.notifications import Notification, Unreadable, bounded_text, parse_message_id
from journeys.model.well_known_events import MESSAGE_REPLIED, TOPIC_UNSUBSCRIBED

PROVIDER: Final = "mail"
LARGEST_MAIL: Final = 10 << 20
"""Bytes."""
_READ: Final = 256 << 10
"""Bytes of a mail that are read. What comes after them is of the message that it returns."""
_OWN_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^<>\s]+>", re.ASCII)
_WITH_ADDRESSES: Final = ("Return-Path", "List-Unsubscribe")
"""Headers with an address of ours that a reader who answers or forwards a message does not show."""
_ADDRESS = re.compile(r"[A-Za-z0-9+%.-]{1,80}+@[A-Za-z0-9.-]{1,255}+", re.ASCII)
_LONGEST_HEADER: Final = 8_000
"""Characters of a header. Parsers need the square of it as time."""
_AUTOMATIC_HEADERS: Final = (
    "X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-Failed-Recipients", "X-Vacation",
)  # fmt: skip
_AUTOMATIC_PRECEDENCE: Final = frozenset({"auto_reply", "bulk", "junk", "list"})
_QUOTED_FROM = re.compile(
    r"^(?:>|-{2,} ?Original|_{10,}|(?:On|Am|Le|El|Il|Pe) .{5,200}:\s*$)", re.ASCII
)


class _BoundedHeaders(policy.Compat32):
    """Cuts headers that are longer than those of mail are."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name and the value of a header."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


_POLICY: Final = _BoundedHeaders()


def parse_mail(
    raw: bytes,
    recipients: Sequence[str],
    addresses: ReturnAddresses,
    *,
    sender: str | None = None,
) -> list[Notification]:
    """What a mail to some of our addresses says; nothing if it is about no message of ours.

    `sender` is that of the envelope, empty for a report. Raises Unreadable for what is no mail.
    """
    if len(raw) > LARGEST_MAIL:
        raise Unreadable("the mail is too large")
    known = [found for each in recipients if (found := addresses.read(each)) is not None]
    if not known:
        return []
    try:
        mail = message_from_bytes(raw[:_READ], policy=_POLICY)
        return _facts(mail, raw, known, addresses, sender)
    except (MessageError, ValueError, LookupError, RecursionError, TypeError) as error:
        raise Unreadable(f"the mail cannot be read: {type(error).__name__}") from None


def _facts(
    mail: Message,
    raw: bytes,
    known: Sequence[ReturnAddress],
    addresses: ReturnAddresses,
    sender: str | None,
) -> list[Notification]:
    target = next((each for each in known if each.message_id is not None), known[0])
    kind = report_kind(mail)
    fact: Fact | None = None
    message_id = target.message_id
    if kind is not None:
        if target.kind != "bounce" or message_id is None:
            # Replies show a reply address to all who get a copy.
            message_id = _returned_message(mail, addresses)
        if kind == "delivery-status":
            fact = read_delivery_status(mail)
        elif kind == "feedback-report":
            fact = read_feedback_report(mail)
    elif target.kind == "bounce" and (sender == "" or _is_of_the_mailer(mail)):
        # Mail that bounces has no sender (RFC 5321, 4.5.5).
        fact = read_plain_bounce(mail)
    elif target.kind == "unsubscribe":
        fact = TOPIC_UNSUBSCRIBED, {"source": "mail"}
    elif sender != "" and not _is_automatic(mail):
        message_id = message_id or _answered_message(mail)
        fact = MESSAGE_REPLIED, _content(mail)
    if fact is None or message_id is None:
        return []
    return [_notification(fact, message_id, mail, raw)]


def _returned_message(mail: Message, addresses: ReturnAddresses) -> UUID | None:
    """Our message that a report returns: a signed address in its headers names it."""
    returned = returned_headers(mail)
    if returned is None:
        return None
    for name in _WITH_ADDRESSES:
        for text in _ADDRESS.findall(str(returned.get(name, ""))):
            found = addresses.read(unquote(text))
            if found is not None and found.kind != "reply" and found.message_id is not None:
                return found.message_id
    return None


def _notification(fact: Fact, message_id: UUID, mail: Message, raw: bytes) -> Notification:
    name, properties = fact
    own_id = str(mail.get("Message-ID", "")).strip().encode("utf-8", "surrogateescape") or raw
    at: datetime | None = date_of(mail)
    return Notification(
        id=sha256(b"\0".join((name.encode(), message_id.bytes, own_id))).hexdigest(),
        name=name,
        happened_at=at,
        message_id=message_id,
        provider=PROVIDER,
        properties=properties,
    )


def _is_automatic(mail: Message) -> bool:
    """Whether a program has answered, such as during a vacation (RFC 3834)."""
    submitted = str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    if submitted != "no":
        return True
    if any(mail.get(name) is not None for name in _AUTOMATIC_HEADERS):
        return True
    if str(mail.get("Return-Path", "")).strip() == "<>" or _is_of_the_mailer(mail):
        return True
    return str(mail.get("Precedence", "")).strip().lower() in _AUTOMATIC_PRECEDENCE


def _is_of_the_mailer(mail: Message) -> bool:
    return "mailer-daemon@" in str(mail.get("From", "")).lower()


def _answered_message(mail: Message) -> UUID | None:
    """Our message that a mail answers, by the ids that mail programs repeat."""
    for name in ("In-Reply-To", "References"):
        found = _OWN_ID.findall(str(mail.get(name, "")))
        if found:
            return parse_message_id(found[-1])
    return None


def _content(mail: Message) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    try:
        subject = str(make_header(decode_header(str(mail.get("Subject", ""))[:2_000])))
    except (ValueError, LookupError, MessageError):
        subject = ""
    if subject.strip():
        properties["subject"] = bounded_text(" ".join(subject.split()))
    text = next(
        (text_of(part) for part in mail.walk() if part.get_content_type() == "text/plain"), ""
    )
    if answer := _without_quotes(text[:100_000]):
        properties["text"] = bounded_text(answer)
    return properties


def _without_quotes(text: str) -> str:
    """The answer itself, without the message that it repeats below."""
    lines: list[str] = []
    for line in text.splitlines():
        if _QUOTED_FROM.match(line):
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()

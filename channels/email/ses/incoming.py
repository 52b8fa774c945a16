"""Mail that SES receives for us, with its content in the notification (no bucket)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.notifications import Unreadable, read_object, read_text


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as it came: its envelope and its bytes."""

    raw: bytes
    sender: str
    recipients: tuple[str, ...]


def is_received_mail(record: Mapping[str, Any]) -> bool:
    """Whether a record is of a mail that SES received, not of one that it sent."""
    return record.get("notificationType") == "Received"


def parse_received_mail(record: Mapping[str, Any]) -> ReceivedMail | None:
    """The mail of a record; None if SES found spam or a virus in it. Raises Unreadable."""
    receipt, mail = read_object(record, "receipt"), read_object(record, "mail")
    content = record.get("content")
    if not isinstance(content, str):
        raise Unreadable(
            "the notification has no content: let the receipt rule publish it to SNS itself"
        )
    for verdict in ("spamVerdict", "virusVerdict"):
        if read_text(read_object(receipt, verdict), "status") == "FAIL":
            return None
    recipients = receipt.get("recipients")
    if not isinstance(recipients, list):
        raise Unreadable("receipt.recipients is missing")
    action = read_object(receipt, "action")
    if read_text(action, "encoding") == "BASE64":
        try:
            raw = b64decode(content, validate=True)
        except ValueError:
            raise Unreadable("the content is not base64") from None
    else:
        raw = content.encode("utf-8", "surrogatepass")
    return ReceivedMail(
        raw,
        read_text(mail, "source") or "",
        tuple(each for each in recipients if isinstance(each, str))[:50],
    )

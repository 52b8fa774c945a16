"""Records of Amazon, of any service: recognised by their form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from channels.email.incoming_mail import parse_mail
from channels.email.return_addresses import ReturnAddresses
from channels.email.ses.incoming import is_received_mail, parse_received_mail
from channels.email.ses.notifications import parse_event
from channels.notifications import InboundText, Notification, Unreadable
from channels.sms.end_user_messaging.notifications import parse_record

_GREETING: Final = "Successfully validated SNS topic"
"""The text that SES posts once when it is connected to a topic."""


def is_greeting(text: str) -> bool:
    """Whether a message of SNS only says that a topic was connected."""
    return text.startswith(_GREETING)


def read_record(
    record: Mapping[str, Any], addresses: ReturnAddresses | None
) -> list[Notification] | InboundText:
    """What a record says. Raises Unreadable for one of no known form.

    `addresses`: ours, for mail that SES received; None: there are none, and such mail says nothing.
    """
    if is_received_mail(record):
        mail = parse_received_mail(record)
        if mail is None or addresses is None:
            return []
        return parse_mail(mail.raw, mail.recipients, addresses, sender=mail.sender)
    if "mail" in record:
        return parse_event(record)
    if "inboundMessageId" in record or "eventType" in record:
        return parse_record(record)
    raise Unreadable("it is no record of SES or of End User Messaging")

"""Notifications of End User Messaging as its guide documents them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from channels.notifications import InboundText, Unreadable
from channels.sms.end_user_messaging.notifications import EVENT_TYPES, parse_record

MESSAGE = UUID("11111111-2222-3333-4444-555555555555")


def receipt(kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": 1686975103470,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": "+14255550156",
        "isoCountryCode": "US",
        "messageId": "862a8790-60c0-4430-9b2b-658bdexample",
        "messageRequestTimestamp": 1686975103170,
        "messageEncoding": "GSM",
        "messageType": "PROMOTIONAL",
        "messageStatus": kind.removeprefix("TEXT_"),
        "messageStatusDescription": "Message has been accepted by phone carrier",
        "context": {"parcours-message": str(MESSAGE)},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.09582,
        **fields,
    }


@pytest.mark.parametrize(
    ("kind", "name", "bounce", "cause"),
    [
        ("TEXT_SENT", "Message Sent", None, None),
        ("TEXT_QUEUED", "Message Sent", None, None),
        ("TEXT_PENDING", "Message Sent", None, None),
        ("TEXT_SUCCESSFUL", "Message Delivered", None, None),
        ("TEXT_DELIVERED", "Message Delivered", None, None),
        ("TEXT_INVALID", "Message Bounced", "hard", None),
        ("TEXT_INVALID_MESSAGE", "Message Bounced", "soft", "message"),
        ("TEXT_UNREACHABLE", "Message Bounced", "soft", None),
        ("TEXT_CARRIER_UNREACHABLE", "Message Bounced", "soft", None),
        ("TEXT_BLOCKED", "Message Bounced", "soft", None),
        ("TEXT_CARRIER_BLOCKED", "Message Bounced", "soft", "message"),
        ("TEXT_SPAM", "Message Bounced", "soft", "message"),
        ("TEXT_TTL_EXPIRED", "Message Bounced", "soft", None),
        ("TEXT_PROTECT_BLOCKED", "Message Bounced", "soft", "message"),
    ],
)
def test_a_receipt_of_each_type_is_read(
    kind: str, name: str, bounce: str | None, cause: str | None
) -> None:
    parsed = parse_record(receipt(kind))
    assert isinstance(parsed, list)
    (found,) = parsed
    assert found.name == name
    assert found.properties.get("type") == bounce
    assert found.properties.get("cause") == cause
    assert found.message_id == MESSAGE
    assert found.happened_at == datetime(2023, 6, 17, 4, 11, 43, 470000, tzinfo=UTC)


def test_the_fifteen_types_are_known_and_unknown_says_nothing() -> None:
    assert len(EVENT_TYPES) == 15
    assert parse_record(receipt("TEXT_UNKNOWN")) == []
    assert parse_record(receipt("VOICE_COMPLETED")) == []


def test_two_types_that_say_the_same_are_one_fact() -> None:
    one, other = (parse_record(receipt(kind)) for kind in ("TEXT_SUCCESSFUL", "TEXT_DELIVERED"))
    assert isinstance(one, list)
    assert isinstance(other, list)
    assert one[0].id == other[0].id


def test_an_inbound_message_is_read() -> None:
    record = {
        "originationNumber": "+14255550182",
        "destinationNumber": "+12125550101",
        "messageKeyword": "JOIN",
        "messageBody": "Yes, please",
        "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
        "previousPublishedMessageId": "wJalrXUtnFEMI",
    }
    assert parse_record(record) == InboundText(
        id="cae173d2-66b9-564c-8309-21f858e9fb84",
        sender="+14255550182",
        recipient="+12125550101",
        text="Yes, please",
        provider="end-user-messaging",
        previous_provider_id="wJalrXUtnFEMI",
    )


@pytest.mark.parametrize(
    "record", [{}, {"eventType": "TEXT_SENT"}, {"inboundMessageId": "x"},
               {"inboundMessageId": "x", "originationNumber": 7, "destinationNumber": "+1"}],
)  # fmt: skip
def test_another_object_is_unreadable(record: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        parse_record(record)

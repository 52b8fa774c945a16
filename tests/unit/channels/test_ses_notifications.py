"""Events of SES as its guide documents them, and what they mean for a message."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from channels.email.ses.notifications import EVENT_TYPES, parse_event
from channels.notifications import Unreadable
from tests.support.amazon import ses_event

MESSAGE = UUID("11111111-2222-3333-4444-555555555555")
AT = datetime(2025, 11, 2, 9, 0, 0, 123000, tzinfo=UTC)
PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/125.0 Safari/537.36"


def parse(kind: str, part: dict[str, Any] | None = None, **fields: Any) -> Any:
    found = parse_event(ses_event(kind, "EXAMPLE-1", part, message_id=MESSAGE, at=AT, **fields))
    assert len(found) <= 1
    return found[0] if found else None


def bounced(**fields: Any) -> dict[str, Any]:
    recipient = {
        "emailAddress": "recipient@example.com",
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
    }
    return {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [recipient],
        "feedbackId": "01000157c44f053b",
        "reportingMTA": "dsn; mta.example.com",
        **fields,
    }


@pytest.mark.parametrize(
    ("kind", "part", "name", "properties", "by"),
    [
        ("Send", {}, "Message Sent", {}, None),
        ("Delivery", {"smtpResponse": "250 2.6.0 ok"}, "Message Delivered", {}, None),
        (
            "Bounce", bounced(), "Message Bounced",
            {
                "type": "hard", "code": "General", "status": "5.1.1",
                "detail": "smtp; 550 5.1.1 user unknown",
            }, None,
        ),
        (
            "Bounce",
            bounced(bounceType="Transient", bounceSubType="MailboxFull", bouncedRecipients=[]),
            "Message Bounced", {"type": "soft", "code": "MailboxFull"}, None,
        ),
        (
            "Bounce",
            bounced(bounceType="Transient", bounceSubType="MessageTooLarge", bouncedRecipients=[]),
            "Message Bounced",
            {"type": "soft", "code": "MessageTooLarge", "cause": "message"}, None,
        ),
        (
            "Bounce",
            bounced(bounceType="Undetermined", bounceSubType="Undetermined", bouncedRecipients=[]),
            "Message Bounced", {"type": "soft", "code": "Undetermined"}, None,
        ),
        (
            "Complaint", {"complaintFeedbackType": "abuse", "feedbackId": "0100"},
            "Message Complained", {"code": "abuse"}, None,
        ),
        (
            "Complaint", {"complaintSubType": "OnAccountSuppressionList", "feedbackId": "0100"},
            "Message Complained", {"code": "OnAccountSuppressionList"}, None,
        ),
        (
            "Reject", {"reason": "Bad content"}, "Message Bounced",
            {"type": "soft", "code": "rejected", "detail": "Bad content", "cause": "message"}, None,
        ),
        (
            "Rendering Failure", {"errorMessage": "no name", "templateName": "T"},
            "Message Bounced",
            {
                "type": "soft", "code": "rendering_failure", "detail": "no name",
                "cause": "message",
            }, None,
        ),
        (
            "DeliveryDelay",
            {
                "delayType": "TransientCommunicationFailure",
                "delayedRecipients": [{"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1"}],
            },
            "Message Delayed",
            {
                "code": "TransientCommunicationFailure", "status": "4.4.1",
                "detail": "smtp; 421 4.4.1",
            }, None,
        ),
        ("Open", {"userAgent": PERSON, "ipAddress": "192.0.2.1"}, "Message Opened", {}, "human"),
        ("Open", {"userAgent": "Mozilla/5.0"}, "Message Opened", {}, "unknown"),
        ("Open", {"userAgent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"},
         "Message Opened", {}, "unknown"),
        (
            "Click", {"userAgent": PERSON, "link": "https://example.com/a"},
            "Message Clicked", {"url": "https://example.com/a"}, "human",
        ),
        (
            "Click", {"userAgent": "curl/8.5", "link": "https://example.com/a"},
            "Message Clicked", {"url": "https://example.com/a"}, "machine",
        ),
        (
            "Subscription", {"newTopicPreferences": {"unsubscribeAll": True}},
            "Topic Unsubscribed", {}, None,
        ),
    ],
)  # fmt: skip
def test_an_event_of_each_type_is_read(
    kind: str, part: dict[str, Any], name: str, properties: dict[str, Any], by: str | None
) -> None:
    found = parse(kind, part)
    assert (found.name, found.properties, found.by) == (name, properties, by)
    assert (found.message_id, found.provider, found.provider_id) == (MESSAGE, "ses", "EXAMPLE-1")
    of_the_mail = kind in ("Send", "Reject", "Rendering Failure")
    assert found.happened_at == (datetime(2025, 10, 5, 21, 15, tzinfo=UTC) if of_the_mail else AT)


def test_every_documented_type_is_known() -> None:
    assert {
        "Send", "Reject", "Bounce", "Complaint", "Delivery", "Open", "Click", "Rendering Failure",
        "DeliveryDelay", "Subscription",
    } == EVENT_TYPES  # fmt: skip


def test_a_report_that_mail_is_no_spam_is_no_complaint() -> None:
    assert parse("Complaint", {"complaintFeedbackType": "not-spam"}) is None
    assert parse("Subscription", {"newTopicPreferences": {"unsubscribeAll": False}}) is None
    assert parse("Anniversary") is None


def test_feedback_of_an_identity_is_the_same_fact_as_the_event() -> None:
    event = parse("Bounce", bounced())
    feedback = ses_event("Bounce", "EXAMPLE-1", bounced(), at=AT, name="notificationType")
    feedback["mail"].pop("tags")
    feedback["mail"]["headers"].append({"name": "x-parcours-message", "value": str(MESSAGE)})
    assert parse_event(feedback) == [event]


def test_repeated_hits_have_one_id_and_others_another() -> None:
    part = {"userAgent": PERSON, "link": "https://example.com/a", "ipAddress": "192.0.2.1"}
    assert parse("Click", part).id == parse("Click", dict(part)).id
    assert parse("Click", part).id != parse("Click", {**part, "link": "https://example.com/b"}).id
    assert parse("Click", part).id != parse("Open", part).id


@pytest.mark.parametrize(
    "record", [{}, {"eventType": "Send"}, {"eventType": "Send", "mail": {"messageId": 7}},
               {"mail": {"messageId": "x"}}, {"eventType": ["Send"], "mail": {"messageId": "x"}}],
)  # fmt: skip
def test_another_object_is_unreadable(record: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        parse_event(record)


@pytest.mark.parametrize("tags", [None, [], {"parcours-message": "x"}, {"parcours-message": []},
                                  {"parcours-message": ["nonsense"]}])  # fmt: skip
def test_a_wrong_tag_names_no_message(tags: Any) -> None:
    record = ses_event("Delivery", "EXAMPLE-1")
    record["mail"]["tags"] = tags
    (found,) = parse_event(record)
    assert found.message_id is None
    assert found.provider_id == "EXAMPLE-1"


def test_a_providers_words_are_bounded_and_can_be_stored() -> None:
    recipient = {"diagnosticCode": "\0" + "x" * 100_000}
    found = parse("Bounce", bounced(bouncedRecipients=[recipient]))
    assert len(found.properties["detail"]) == 1_000
    assert found.properties["detail"].startswith("\ufffdx")

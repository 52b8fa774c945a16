"""The inbox of the development stack's sinks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack.inbox import Inbox, TakenMessage
from devstack.smtp_sink import take

MAIL = (
    b"From: =?utf-8?q?Caf=C3=A9?= <cafe@example.com>\r\n"
    b"To: Ada <ada@example.com>\r\n"
    b"Subject: =?utf-8?q?D=C3=A9j=C3=A0_vu?=\r\n"
    b"X-Parcours-Message: m-1\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain \xe2\x82\xac\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>rich</p>\r\n--b--\r\n"
)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox.jsonl")


def sms(to: str, text: str) -> TakenMessage:
    return TakenMessage(channel="sms", to=to, sender="+33600000001", text=text)


def test_an_inbox_without_a_file_is_empty(inbox: Inbox) -> None:
    assert inbox.read() == []


def test_messages_come_back_oldest_first(inbox: Inbox) -> None:
    inbox.append(sms("+33600000002", "one"))
    inbox.append(sms("+33600000003", "two"), sms("+33600000002", "three"))
    assert [record["text"] for record in inbox.read()] == ["one", "two", "three"]
    assert [record["text"] for record in inbox.read("+33600000002")] == ["one", "three"]


def test_a_record_has_every_name(inbox: Inbox) -> None:
    at = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    inbox.append(
        TakenMessage(
            channel="sms", to="+33600000002", sender="+33600000001", text="hi", received_at=at
        )
    )
    assert inbox.read() == [
        {
            "channel": "sms",
            "to": "+33600000002",
            "from": "+33600000001",
            "subject": None,
            "text": "hi",
            "html": None,
            "headers": {},
            "received_at": "2026-11-24T09:30:00Z",
        }
    ]


def test_addresses_are_found_in_any_case(inbox: Inbox) -> None:
    inbox.append(*take(MAIL, "bounce@example.com", ["Ada@Example.com"]))
    assert len(inbox.read("ada@example.COM")) == 1


def test_a_mail_is_decoded_and_its_addresses_are_bare(inbox: Inbox) -> None:
    inbox.append(*take(MAIL, "bounce@example.com", ["ada@example.com", "bob@example.com"]))
    first, second = inbox.read()
    assert (first["to"], second["to"]) == ("ada@example.com", "bob@example.com")
    assert first["from"] == "cafe@example.com"
    assert first["subject"] == "Déjà vu"
    assert first["text"].strip() == "plain €"
    assert first["html"].strip() == "<p>rich</p>"
    assert first["headers"]["X-Parcours-Message"] == "m-1"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        TakenMessage(
            channel="sms",
            to="+33600000002",
            sender="+33600000001",
            text="hi",
            received_at=datetime(2026, 11, 24),  # noqa: DTZ001 - that is the point
        )

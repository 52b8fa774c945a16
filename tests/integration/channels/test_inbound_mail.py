"""Mail to our addresses, over SMTP and in a Maildir: recorded once, and nothing else is taken."""

import asyncio
import smtplib
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from channels.email.return_addresses import ReturnAddresses
from inbound.intake import Intake
from inbound.maildir import MaildirReader
from inbound.smtp_listener import SESSIONS, SESSIONS_OF_ADDRESS, listening
from store.messages.suppressions import find_suppression
from tests.support.conditions import eventually
from tests.support.messages import Pool, add_contact, add_message, rows
from tests.support.returned_mail import ARF, DSN, ORIGINAL, REPLY

OURS = ReturnAddresses("bounces.example.com", ["k" * 32])


def dsn(to: str, message: UUID) -> bytes:
    inner = ORIGINAL.format(message=message)
    text = DSN.format(
        to=to, action="failed", status="5.1.1", returned="message/rfc822", inner=inner
    )
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
async def port(pool: Pool) -> AsyncIterator[int]:
    async with listening(Intake(pool, OURS), "127.0.0.1:0") as taken:
        yield taken


@pytest.fixture
async def message(pool: Pool) -> UUID:
    contact = await add_contact(pool, email="ann@example.com")
    return await add_message(pool, contact, state="unknown", address="ann@example.com")


async def deliver(port: int, raw: bytes, *recipients: str, sender: str = "") -> Any:
    """Deliver as a mail server does; the refused recipients, or the error."""

    def call() -> Any:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            try:
                return client.sendmail(sender, recipients, raw)
            except smtplib.SMTPException as error:
                return error

    return await asyncio.to_thread(call)


async def test_a_bounce_settles_the_message_and_suppresses_its_address(
    pool: Pool, port: int, message: UUID
) -> None:
    to = OURS.address("bounce", message)
    for _ in range(2):
        assert await deliver(port, dsn(to, message), to) == {}
    assert await rows(pool, "select state, bounced_at is not null from message") == [("sent", True)]
    assert await rows(pool, "select name, source from event") == [
        ("Message Bounced", "provider:mail")
    ]
    async with pool.connection() as conn:
        assert await find_suppression(conn, "email", "ann@example.com") == "bounced"


async def test_a_complaint_and_a_reply_are_recorded(pool: Pool, port: int, message: UUID) -> None:
    to = "bounce@bounces.example.com"
    inner = ORIGINAL.format(message=message)
    forged = ARF.format(to=to, kind="abuse", inner=inner).encode()
    inner = f"Return-Path: <{OURS.address('bounce', message)}>\n{inner}"
    report = ARF.format(to=to, kind="abuse", inner=inner).encode()
    assert await deliver(port, forged, to, sender="evil@example.net") == {}
    assert await rows(pool, "select count(*) from event") == [(0,)]
    assert await deliver(port, report, to, sender="abuse@example.net") == {}
    to = OURS.address("reply", message)
    reply = REPLY.format(to=to, message=message, header="").encode()
    assert await deliver(port, reply, to, sender="ann@example.com") == {}
    assert await rows(pool, "select name, properties->>'text' from event order by id") == [
        ("Message Complained", None),
        ("Message Replied", "Yes, I would like that."),
    ]


async def test_mail_to_any_other_address_is_refused(pool: Pool, port: int, message: UUID) -> None:
    genuine = OURS.address("bounce", message)
    forged = ReturnAddresses("bounces.example.com", ["x" * 32]).address("bounce", message)
    for address in (forged, "someone@example.org", "shop@bounces.example.com", "bounce+x@"):
        refused = await deliver(port, dsn(address, message), address)
        assert isinstance(refused, smtplib.SMTPRecipientsRefused)
        (code, _), *_ = refused.recipients.values()
        assert 500 <= code < 600
    assert await rows(pool, "select count(*) from event") == [(0,)]
    # Of several recipients the genuine one is taken.
    answer = await deliver(port, dsn(genuine, message), genuine, forged)
    assert list(answer) == [forged]
    assert await rows(pool, "select count(*) from event") == [(1,)]


async def test_the_server_is_bounded(pool: Pool, port: int, message: UUID) -> None:
    to = OURS.address("bounce", message)
    huge = await deliver(port, dsn(to, message) + b"x" * (10 << 20), to)
    assert isinstance(huge, smtplib.SMTPException)
    many = [OURS.address("bounce", uuid4()) for _ in range(11)]
    assert list(await deliver(port, dsn(to, message), *many)) == many[10:]


async def test_no_client_keeps_all_others_out(port: int) -> None:
    idle: list[asyncio.StreamWriter] = []

    async def greetings(client: str, connections: int) -> list[bytes]:
        """The codes with which connections are met that stay open."""
        found = []
        for _ in range(connections):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(client, 0)
            )
            idle.append(writer)
            found.append((await asyncio.wait_for(reader.readline(), 5))[:3])
        return found

    each = SESSIONS_OF_ADDRESS
    assert await greetings("127.0.0.2", each + 1) == [b"220"] * each + [b"421"]
    assert await greetings("127.0.0.3", SESSIONS - each) == [b"220"] * (SESSIONS - each)
    assert await greetings("127.0.0.4", 1) == [b"421"]
    for writer in idle:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in idle), return_exceptions=True)


async def test_the_sender_tries_again_while_the_database_is_away(
    pool: Pool, port: int, message: UUID
) -> None:
    to = OURS.address("bounce", message)
    await pool.close()
    answer = await deliver(port, dsn(to, message), to)
    assert isinstance(answer, smtplib.SMTPDataError)
    assert answer.smtp_code == 451


async def test_a_maildir_is_read_once(pool: Pool, tmp_path: Path, message: UUID) -> None:
    new = tmp_path / "new"
    new.mkdir()
    to = OURS.address("bounce", message)
    mail = b"Delivered-To: " + to.encode() + b"\r\n" + dsn("hidden@example.com", message)
    (new / "1.M1.host").write_bytes(mail)
    (new / "2.M2.host").write_bytes(b"To: someone@example.org\r\n\r\nHello\r\n")
    (new / "3.M3.host").write_bytes(mail + b"x" * (10 << 20))
    reader = MaildirReader(Intake(pool, OURS), tmp_path)
    running = asyncio.create_task(reader.run())
    await eventually(lambda: not list(new.iterdir()))
    reader.stop()
    await running
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == [
        "1.M1.host:2,S",
        "2.M2.host:2,S",
        "3.M3.host:2,FS",
    ]
    assert await rows(pool, "select name from event") == [("Message Bounced",)]
    # A process that died before it moved the file reads it again.
    (new / "1.M1.host").write_bytes(mail)
    assert await MaildirReader(Intake(pool, OURS), tmp_path).look() is False
    assert await rows(pool, "select count(*) from event") == [(1,)]


async def test_a_mail_stays_in_the_maildir_while_the_database_is_away(
    pool: Pool, tmp_path: Path, message: UUID
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    to = OURS.address("bounce", message)
    (new / "1.M1.host").write_bytes(dsn(to, message))
    await pool.close()
    assert await MaildirReader(Intake(pool, OURS), tmp_path).look() is True
    assert [path.name for path in new.iterdir()] == ["1.M1.host"]


@pytest.mark.parametrize("encoding", ["UTF8", "BASE64"])
async def test_a_reply_by_way_of_ses_is_recorded(pool: Pool, message: UUID, encoding: str) -> None:
    to = OURS.address("reply", message)
    raw = REPLY.format(to=to, message=message, header="")
    content = raw if encoding == "UTF8" else b64encode(raw.encode()).decode()
    record = {
        "notificationType": "Received",
        "mail": {"source": "ann@example.com", "messageId": "IN-1", "destination": [to]},
        "receipt": {
            "recipients": [to],
            "spamVerdict": {"status": "PASS"},
            "virusVerdict": {"status": "PASS"},
            "action": {"type": "SNS", "topicArn": "arn", "encoding": encoding},
        },
        "content": content,
    }
    spam: dict[str, Any] = orjson.loads(orjson.dumps(record))
    spam["receipt"]["spamVerdict"]["status"] = "FAIL"
    without = {name: value for name, value in record.items() if name != "content"}
    intake = Intake(pool, OURS)
    bodies = [("a record", orjson.dumps(each).decode()) for each in (spam, without)]
    assert await intake.take_texts(bodies) == ["taken", "unreadable"]
    assert await rows(pool, "select count(*) from event") == [(0,)]
    for _ in range(2):
        await intake.take_texts([("a record", orjson.dumps(record).decode())])
    assert await rows(pool, "select name, properties->>'subject' from event") == [
        ("Message Replied", "Re: Héllo")
    ]

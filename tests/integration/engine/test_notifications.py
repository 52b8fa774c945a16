"""Runs that wait for what comes back: bounces and replies by mail, events of SES by the queue."""

import asyncio
import re
import smtplib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import orjson
import pytest
from pydantic import SecretStr

from devstack.inbox import Inbox
from infra.settings import Settings
from tests.support.amazon import ses_event
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.messages import rows
from tests.support.returned_mail import DSN, ORIGINAL, REPLY
from tests.support.smtp import SmtpSink

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

JOURNEY = """
journey: waiting
entry: {event: Begun}
defaults: {transactional: true}
steps:
  - id: mail
    email: {subject: Hello, text: Hello}
  - id: answer
    wait:
      any:
        - {name: bounced, message: mail, is: bounced}
        - {name: replied, message: mail, is: replied}
        - {name: delivered, message: mail, is: delivered}
"""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def queue(moto_endpoint: str) -> Iterator[tuple["SQSClient", str]]:
    client: SQSClient = boto3.client("sqs", region_name="us-east-1", endpoint_url=moto_endpoint)
    yield client, client.create_queue(QueueName=f"events-{uuid4()}")["QueueUrl"]
    client.close()


@pytest.fixture
def engine_settings(
    engine_settings: Settings,
    tmp_path: Path,
    moto_endpoint: str,
    queue: tuple["SQSClient", str],
) -> Settings:
    return engine_settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr("k" * 32),),
            "inbound_domain": "in.example.com",
            "inbound_smtp": f"127.0.0.1:{free_port()}",
            "aws_endpoint_url": moto_endpoint,
            "ses_queue_url": queue[1],
            "sms_help_text": "Shop: write to help@example.com",
        }
    )


def deliver(settings: Settings, raw: bytes, sender: str, recipient: str) -> None:
    """Deliver a mail as the recipient's server does."""
    assert settings.inbound_smtp is not None
    host, _, port = settings.inbound_smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as client:
        assert client.sendmail(sender, [recipient], raw) == {}


@pytest.mark.parametrize("what", ["bounced", "replied", "delivered"])
async def test_a_run_goes_on_when_its_mail_bounces_is_answered_or_arrives(
    engine: Engine,
    engine_settings: Settings,
    smtp_sink: SmtpSink,
    queue: tuple["SQSClient", str],
    what: str,
) -> None:
    await engine.activate(JOURNEY)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    (mail,) = await smtp_sink.wait_for(1)
    message = mail.message["X-Parcours-Message"]
    assert re.fullmatch(r"bounce\+[a-z2-7]{42}@in\.example\.com", mail.mail_from)
    reply_to = mail.message["Reply-To"]
    assert re.fullmatch(r"reply\+[a-z2-7]{42}@in\.example\.com", reply_to)
    await engine.standing_at(contact, "answer")
    if what == "bounced":
        inner = ORIGINAL.format(message=message)
        report = DSN.format(
            to=mail.mail_from, action="failed", status="5.1.1", returned="message/rfc822",
            inner=inner,
        )  # fmt: skip
        raw = report.encode()
        await asyncio.to_thread(deliver, engine_settings, raw, "", mail.mail_from)
    elif what == "replied":
        raw = REPLY.format(to=reply_to, message=message, header="").encode()
        await asyncio.to_thread(deliver, engine_settings, raw, "ada@example.com", reply_to)
    else:
        client, url = queue
        record = ses_event("Delivery", "ID-1")
        record["mail"]["tags"]["parcours-message"] = [message]
        client.send_message(QueueUrl=url, MessageBody=orjson.dumps(record).decode())
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("mail", "sent"), ("answer", what)]
    assert await rows(engine.pool, f"select state, {what}_at is not null from message") == [
        ("sent", True)
    ]


async def test_help_is_answered_by_text_message(
    engine: Engine, engine_settings: Settings, queue: tuple["SQSClient", str]
) -> None:
    client, url = queue
    for number, words in enumerate(["HELP", "Aide !", "STOP"]):
        record = {
            "originationNumber": "+14255550182",
            "destinationNumber": "+12125550101",
            "messageBody": words,
            "inboundMessageId": f"in-{number}",
        }
        client.send_message(QueueUrl=url, MessageBody=orjson.dumps(record).decode())
    assert engine_settings.dev_inbox is not None
    inbox = Inbox(engine_settings.dev_inbox)
    (answer,) = await eventually(lambda: inbox.read("+14255550182"))
    assert answer["text"] == "Shop: write to help@example.com"

    async def settled() -> bool:
        stopped = await rows(engine.pool, "select reason from suppression")
        waiting = await rows(engine.pool, "select count(*) from text_answer")
        return (stopped, waiting) == ([("stop",)], [(0,)])

    await eventually(settled)
    assert len(inbox.read("+14255550182")) == 1

"""E-mail by SMTP: what arrives, connections that are kept, TLS, and each moment of a failure."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer as SmtpUrl
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from tests.integration.channels.certificates import Tls
from tests.integration.channels.providers import an_email
from tests.integration.channels.smtp_server import DROP, HANG, SmtpServer, running_smtp
from tests.support.conditions import eventually


@pytest.fixture
async def adapter(smtp_server: SmtpServer) -> AsyncIterator[SmtpAdapter]:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url))
    yield adapter
    await adapter.close()


async def send_error(adapter: SmtpAdapter) -> NotSent:
    with pytest.raises(NotSent) as failed:
        await adapter.send(an_email())
    return failed.value


async def test_what_arrives_is_what_was_written(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    email = replace(an_email(), subject="Ça vous plaît ?", html="<p>é</p>")
    receipt = await adapter.send(email)
    mail = smtp_server.mails[0]
    assert (mail.sender, mail.recipient) == ("hello@shop.example", "ann@example.com")
    message = message_from_bytes(mail.content, policy=default)
    assert message["X-Parcours-Message"] == str(email.message_id)
    assert message["Subject"] == "Ça vous plaît ?"
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Still there.", ".", "..dots"]
    assert receipt.provider_id == "4QZ7kX1"
    assert receipt.facts == {"reply": "250 2.0.0 Ok: queued as 4QZ7kX1"}


async def test_a_connection_serves_many_messages(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    for _ in range(5):
        await adapter.send(an_email())
    assert len(smtp_server.sessions) == 1
    assert len(smtp_server.mails) == 5


async def test_a_connection_that_is_not_used_is_closed(smtp_server: SmtpServer) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url), idle_seconds=0.3)
    await asyncio.gather(adapter.send(an_email()), adapter.send(an_email()))

    def open_ones() -> int:
        transports = [session.transport for session in smtp_server.sessions]
        return sum(each is not None and not each.is_closing() for each in transports)

    assert open_ones() == 2
    await eventually(lambda: open_ones() == 0)
    await adapter.send(an_email())
    assert (len(smtp_server.sessions), open_ones()) == (3, 1)
    await adapter.close()


async def test_no_more_connections_are_opened_than_the_setting_allows(
    smtp_server: SmtpServer,
) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url), connections=3)
    await asyncio.gather(*(adapter.send(an_email()) for _ in range(30)))
    assert len(smtp_server.mails) == 30
    assert len(smtp_server.sessions) <= 3
    await adapter.close()


async def test_bounces_go_to_the_return_path(adapter: SmtpAdapter, smtp_server: SmtpServer) -> None:
    await adapter.send(replace(an_email(), return_path="bounce+abc@mail.shop.example"))
    [mail] = smtp_server.mails
    assert mail.sender == "bounce+abc@mail.shop.example"
    assert b"From: The Shop <hello@shop.example>" in mail.content


async def test_a_connection_serves_on_after_a_refusal(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    smtp_server.once = {"RCPT": "550 5.1.1 unknown"}
    refused = await send_error(adapter)
    assert isinstance(refused, Refused)
    assert refused.suppress
    await adapter.send(an_email())
    assert len(smtp_server.sessions) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
@pytest.mark.parametrize("end", [DROP, "421 4.3.2 closing for maintenance"])
async def test_a_kept_connection_that_dies_before_the_message_is_replaced_at_once(
    adapter: SmtpAdapter, smtp_server: SmtpServer, command: str, end: str
) -> None:
    await adapter.send(an_email())
    smtp_server.once = {command: end}
    await adapter.send(an_email())
    assert len(smtp_server.sessions) == 2
    assert len(smtp_server.mails) == 2


async def test_a_kept_connection_that_went_silent_is_replaced_within_the_time(
    smtp_server: SmtpServer,
) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url), timeout=2.0)
    await adapter.send(an_email())
    smtp_server.once = {"MAIL": HANG}
    await adapter.send(an_email())
    assert len(smtp_server.mails) == 2
    await adapter.close()


async def test_connections_that_the_server_ended_are_not_missed(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    await asyncio.gather(*(adapter.send(an_email()) for _ in range(5)))
    smtp_server.drop_all()
    await asyncio.gather(*(adapter.send(an_email()) for _ in range(5)))
    assert len(smtp_server.mails) == 10


async def test_a_kept_connection_that_dies_with_the_message_is_unclear(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    await adapter.send(an_email())
    smtp_server.once = {"DATA": DROP}
    lost = await send_error(adapter)
    assert isinstance(lost, Unclear)
    assert lost.code == Code.INTERRUPTED
    assert smtp_server.seen == 2


@pytest.mark.parametrize(
    ("replies", "kind", "code"),
    [
        ({"MAIL": DROP}, NotTaken, Code.UNREACHABLE),
        ({"RCPT": DROP}, NotTaken, Code.UNREACHABLE),
        ({"DATA": DROP}, Unclear, Code.INTERRUPTED),
        ({"MAIL": "421 4.7.0 too busy"}, NotTaken, Code.UNAVAILABLE),
        ({"MAIL": "550 5.7.1 not your domain"}, Refused, Code.SENDER_REFUSED),
        ({"RCPT": "450 4.2.0 greylisted"}, NotTaken, Code.DEFERRED),
        ({"RCPT": "550 5.1.1 unknown"}, Refused, Code.ADDRESS_UNKNOWN),
        ({"RCPT": "554 5.7.1 relay denied"}, Refused, Code.ADDRESS_REFUSED),
        ({"DATA": "451 4.7.1 try again"}, NotTaken, Code.DEFERRED),
        ({"DATA": "421 4.3.2 shutting down"}, NotTaken, Code.UNAVAILABLE),
        ({"DATA": "554 5.7.1 spam"}, Refused, Code.MESSAGE_REFUSED),
    ],
)
async def test_each_moment_of_a_failure_has_its_meaning(
    adapter: SmtpAdapter,
    smtp_server: SmtpServer,
    replies: dict[str, str],
    kind: type[NotSent],
    code: Code,
) -> None:
    smtp_server.replies = replies
    failed = await send_error(adapter)
    assert type(failed) is kind
    assert failed.code == code


async def test_silence_before_the_message_is_not_taken(smtp_server: SmtpServer) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url), timeout=0.5)
    smtp_server.replies = {"RCPT": HANG}
    silent = await send_error(adapter)
    assert isinstance(silent, NotTaken)
    assert silent.code == Code.UNREACHABLE
    assert smtp_server.seen == 0
    await adapter.close()


async def test_a_send_that_found_no_free_connection_is_not_taken(smtp_server: SmtpServer) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(smtp_server.url), timeout=1.0, connections=1)
    smtp_server.replies = {"DATA": HANG}
    first = asyncio.create_task(adapter.send(an_email()))
    await eventually(lambda: smtp_server.seen == 1)
    adapter.timeout = 0.2
    waited = await send_error(adapter)
    assert isinstance(waited, NotTaken)
    assert waited.code == Code.BUSY
    with pytest.raises(Unclear):
        await first
    assert smtp_server.seen == 1
    await adapter.close()


async def test_what_cannot_be_a_message_never_reaches_the_server(
    adapter: SmtpAdapter, smtp_server: SmtpServer
) -> None:
    for email, code in [
        (replace(an_email(), to="ann"), Code.ADDRESS_INVALID),
        (replace(an_email(), subject="a\r\nBcc: b@c.example"), Code.MESSAGE_INVALID),
        (replace(an_email(), from_="no-address"), Code.MESSAGE_INVALID),
    ]:
        with pytest.raises(Refused) as refused:
            await adapter.send(email)
        assert refused.value.code == code
    assert smtp_server.sessions == []


async def test_letters_outside_ascii_go_where_smtputf8_is_offered_only() -> None:
    email = replace(an_email(), to="zoë@bücher.example")
    async with running_smtp(utf8=True) as server:
        adapter = SmtpAdapter(SmtpUrl.parse(server.url))
        await adapter.send(email)
        assert server.mails[0].recipient == "zoë@xn--bcher-kva.example"
        await adapter.close()
    async with running_smtp(utf8=False) as server:
        adapter = SmtpAdapter(SmtpUrl.parse(server.url))
        with pytest.raises(Refused) as refused:
            await adapter.send(email)
        assert refused.value.code == Code.ADDRESS_INVALID
        await adapter.send(an_email())
        assert len(server.sessions) == 1
        await adapter.close()


async def test_smtps_is_encrypted_from_the_first_byte(tls: Tls) -> None:
    async with running_smtp(tls=tls.server) as server:
        url = SmtpUrl.parse(f"smtps://localhost:{server.port}")
        adapter = SmtpAdapter(url, tls_context=tls.trusting)
        await adapter.send(an_email())
        assert len(server.mails) == 1
        await adapter.close()


async def test_starttls_and_a_password_are_used_as_the_url_asks(tls: Tls) -> None:
    async with running_smtp(starttls=tls.server, password="sesame") as server:
        place = f"localhost:{server.port}?starttls=require"
        adapter = SmtpAdapter(SmtpUrl.parse(f"smtp://ann:sesame@{place}"), tls_context=tls.trusting)
        await adapter.send(an_email())
        assert server.mails[0].session.ssl is not None
        assert server.mails[0].session.authenticated
        await adapter.close()

        adapter = SmtpAdapter(SmtpUrl.parse(f"smtp://ann:open@{place}"), tls_context=tls.trusting)
        wrong = await send_error(adapter)
        assert isinstance(wrong, NotTaken)
        assert wrong.code == Code.CREDENTIALS
        await adapter.close()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_that_is_not_trusted_ends_it_before_the_message(
    tls: Tls, scheme: str
) -> None:
    implicit = scheme == "smtps"
    async with running_smtp(
        tls=tls.server if implicit else None, starttls=None if implicit else tls.server
    ) as server:
        adapter = SmtpAdapter(SmtpUrl.parse(f"{scheme}://localhost:{server.port}"))
        untrusted = await send_error(adapter)
        assert isinstance(untrusted, NotTaken)
        assert untrusted.code == Code.TLS_FAILED
        assert server.seen == 0
        await adapter.close()


async def test_starttls_that_is_required_and_not_offered_sends_nothing(
    smtp_server: SmtpServer,
) -> None:
    adapter = SmtpAdapter(SmtpUrl.parse(f"{smtp_server.url}?starttls=require"))
    missing = await send_error(adapter)
    assert isinstance(missing, NotTaken)
    assert missing.code == Code.ACCOUNT
    assert re.search("STARTTLS", missing.detail)
    assert smtp_server.seen == 0
    await adapter.close()

"""The provider of a message, and its fallback: only after what was certainly not taken."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sending.send import SendActivities
from channels.adapter import Adapter
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer as SmtpUrl
from infra.settings import Settings
from journeys.protocol.payloads import StepInput, StepResult
from tests.integration.channels.http_server import running_http
from tests.integration.channels.providers import REGION, SENDER, SesProvider
from tests.integration.channels.smtp_server import DROP, SmtpServer, running_smtp
from tests.integration.engine.test_holds import Claims, claims
from tests.support.engine import engine_at_work

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class TwoProviders:
    """SMTP, which the settings choose, and SES; and the sends of one journey."""

    def __init__(self, at: Claims, smtp: SmtpServer, ses: SesProvider) -> None:
        self.at = at
        self.smtp = smtp
        self.ses = ses

    async def attempt(self, given: StepInput) -> StepResult | None:
        """One attempt at the send; None if the activity is to be tried again."""
        try:
            return await ActivityEnvironment().run(SendActivities(self.at.context).send, given)
        except ApplicationError as error:
            if error.message != "not_taken":
                raise
            return None

    async def attempts(self, run: UUID, most: int) -> list[str | None]:
        """The provider of each attempt, until the send ends; each comes as soon as it may."""
        given = StepInput(run_id=run, visit=1, step="mail", now=datetime.now(UTC))
        asked: list[str | None] = []
        for _ in range(most):
            result = await self.attempt(given)
            asked.append((await self.message())["provider"])
            if result is not None and result.outcome is not None:
                break
            if result is not None:
                given = given.model_copy(update={"due": result.due})
        return asked

    async def message(self) -> dict[str, Any]:
        """The row of the newest message."""
        async with self.at.pool.connection() as conn:
            cursor = await conn.execute(
                "select to_jsonb(m) from message m order by first_attempt_at desc limit 1"
            )
            row = await cursor.fetchone()
        assert row is not None
        message: dict[str, Any] = row[0]
        return message

    async def kept(self) -> list[tuple[str, str, str, int]]:
        """The earlier attempts that were kept."""
        async with self.at.pool.connection() as conn:
            cursor = await conn.execute(
                "select provider, code, state, attempts from message_attempt order by first_at"
            )
            return await cursor.fetchall()


@asynccontextmanager
async def two_providers(
    pool: Pool, moto: str, send: str, more: str = ""
) -> AsyncIterator[TwoProviders]:
    async with (
        running_smtp() as server,
        running_http() as http,
        claims(pool, send, more=more) as at,
    ):
        smtp = SmtpAdapter(SmtpUrl.parse(server.url))
        ses = SesAdapter(region=REGION, endpoint_url=http.url)
        by_provider: Mapping[str, Adapter] = {"smtp": smtp, "ses": ses}
        at.context = replace(
            at.context,
            adapters={"email": smtp},
            adapters_by_provider=by_provider,
            default_providers={"email": "smtp"},
            sender=SENDER,
        )
        yield TwoProviders(at, server, SesProvider(http, moto))
        await smtp.close()
        await ses.close()


async def test_the_fallback_takes_what_the_provider_certainly_did_not_three_times(
    pool: Pool, moto_endpoint: str
) -> None:
    async with two_providers(pool, moto_endpoint, "fallback: ses") as both:
        both.smtp.replies = {"RCPT": "450 4.2.0 greylisted"}
        asked = await both.attempts(await both.at.run(), most=6)
        message = await both.message()
        assert asked == ["smtp", "smtp", "smtp", "ses"]
        [sent] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        assert (message["state"], message["provider_id"]) == ("sent", sent.id)
        assert f"Message-ID: <{message['id']}@shop.example>" in sent.raw_data
        assert await both.kept() == [("smtp", "deferred", "released", 3)]
        assert both.smtp.mails == []


async def test_a_provider_that_throttles_is_asked_again_and_no_other(
    pool: Pool, moto_endpoint: str
) -> None:
    async with two_providers(pool, moto_endpoint, "provider: ses, fallback: smtp") as both:
        both.ses.defer()
        assert await both.attempts(await both.at.run(), most=7) == ["ses"] * 7
        assert both.smtp.seen == 0
        assert await both.kept() == [("ses", "throttled", "released", 6)]


async def test_what_may_have_been_taken_is_held_and_no_fallback_is_asked(
    pool: Pool, moto_endpoint: str
) -> None:
    async with two_providers(pool, moto_endpoint, "fallback: ses") as both:
        both.smtp.replies = {"DATA": DROP}
        assert await both.attempts(await both.at.run(), most=5) == ["smtp"]
        message = await both.message()
        assert (message["state"], message["code"]) == ("unknown", "interrupted")
        assert (both.smtp.seen, both.ses.taken()) == (1, 0)


async def test_what_the_fallback_may_have_taken_is_held_too(pool: Pool, moto_endpoint: str) -> None:
    async with two_providers(pool, moto_endpoint, "fallback: ses") as both:
        both.smtp.replies = {"RCPT": "450 4.2.0 greylisted"}
        both.ses.drop()
        asked = await both.attempts(await both.at.run(), most=9)
        assert asked == ["smtp", "smtp", "smtp", "ses"]
        assert (await both.message())["state"] == "unknown"
        assert (both.smtp.seen, both.ses.taken()) == (0, 1)


async def test_a_message_that_is_sent_again_stays_with_the_provider_that_may_have_it(
    pool: Pool, moto_endpoint: str
) -> None:
    send = "fallback: ses, on_unknown: resend"
    async with two_providers(pool, moto_endpoint, send) as both:
        both.smtp.replies = {"DATA": DROP}
        run = await both.at.run()
        assert await both.attempts(run, most=1) == ["smtp"]
        assert both.smtp.seen == 1
        both.smtp.replies = {"RCPT": "450 4.2.0 greylisted"}
        assert await both.attempts(run, most=6) == ["smtp"] * 6
        assert both.ses.taken() == 0
        assert (await both.message())["possibly_taken"]


async def test_a_refusal_is_final_also_with_a_fallback(pool: Pool, moto_endpoint: str) -> None:
    async with two_providers(pool, moto_endpoint, "fallback: ses") as both:
        both.smtp.replies = {"RCPT": "550 5.7.1 not from you"}
        assert await both.attempts(await both.at.run(), most=5) == ["smtp"]
        assert (await both.message())["state"] == "refused"
        assert both.ses.taken() == 0


@pytest.mark.parametrize(
    ("documents", "send", "provider"),
    [
        ("", "", "smtp"),
        ("channel: email\nprovider: ses\n---\n", "", "ses"),
        ("channel: email\nprovider: ses\n---\n", "provider: smtp", "smtp"),
    ],
)
async def test_the_nearest_provider_sends(
    pool: Pool, moto_endpoint: str, documents: str, send: str, provider: str
) -> None:
    async with two_providers(pool, moto_endpoint, send, documents) as both:
        assert await both.attempts(await both.at.run(), most=1) == [provider]
        assert (len(both.smtp.mails), both.ses.taken()) == (
            (1, 0) if provider == "smtp" else (0, 1)
        )


@pytest.mark.usefixtures("hasty_retries")
async def test_a_worker_falls_back_from_a_server_that_cannot_be_reached(
    engine_settings: Settings, pool: Pool, temporal_client: Client, moto_endpoint: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"smtp://127.0.0.1:{probe.getsockname()[1]}"
    SesProvider.verify(moto_endpoint)
    settings = engine_settings.model_copy(
        update={
            "smtp_url": closed,
            "sms": "sns",
            "dev_inbox": None,
            "aws_region": REGION,
            "aws_endpoint_url": moto_endpoint,
            "from_address": SENDER,
        }
    )
    async with engine_at_work(settings, pool, temporal_client, reconcile_every=1.0) as engine:
        await engine.activate(
            "journey: owed\nentry: {event: Begun}\nfallback: ses\nsteps:\n"
            "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}\n"
        )
        contact = await engine.contact(email="ada@example.com")
        await engine.event(contact, "Begun")
        run = await engine.ended(contact)
        assert await engine.path(run["id"]) == [("mail", "sent")]
    assert len(ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages) == 1

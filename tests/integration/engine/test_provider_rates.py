"""The rate of one provider, which holds for all workers and beside that of its channel."""

import asyncio
import time
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import ValidationError
from temporalio.client import Client

from infra.settings import Settings
from store.messages.provider_turns import Turn, take_turn
from store.sql import fetch_value, sql
from tests.integration.engine.test_pace import Arrivals, two_workers
from tests.support.conditions import eventually
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

JOURNEYS = """
topic: offers
default: opt_out
---
journey: receipt
entry: {event: Paid}
re_entry: always
steps:
  - {id: mail, email: {subject: Receipt, text: Hi, transactional: true}}
---
journey: bulk
entry: {event: Bulk}
steps:
  - {id: mail, email: {subject: Bulk, text: Hi, topic: offers}}
"""
CROWD = 24


async def test_a_provider_gets_its_rate_from_all_workers_and_urgent_mails_first(
    engine_settings: Settings, pool: Pool, temporal_client: Client, smtp_sink: SmtpSink
) -> None:
    arrivals = Arrivals()
    smtp_sink.answer = arrivals.answer
    rate = 5.0
    async with two_workers(
        engine_settings, pool, temporal_client, send_rate_smtp=rate, slots_sends=5
    ) as engine:
        await engine.activate(JOURNEYS)
        for number in range(CROWD):
            contact = await engine.contact(email=f"bulk-{number}@example.com")
            await engine.event(contact, "Bulk")
        await eventually(lambda: len(arrivals.at) >= 3, 30.0)
        contact = await engine.contact(email="urgent@example.com")
        await engine.event(contact, "Paid")
        await eventually(lambda: len(arrivals.at) == CROWD + 1, 60.0)
    bulk = [at for address, at in arrivals.at.items() if address.startswith("bulk")]
    assert arrivals.at["urgent@example.com"] < sorted(bulk)[-5]
    every = sorted(arrivals.at.values())
    # Ten calls after one another span nine turns of a fifth of a second.
    spans = [after - before for before, after in zip(every, every[9:], strict=False)]
    assert min(spans) > 0.8 * 9 / rate


async def test_concurrent_calls_get_one_turn_each(pool: Pool) -> None:
    callers = 30

    async def call() -> None:
        async with pool.connection() as conn:
            assert (await take_turn(conn, "smtp", 1.0, 60.0)).granted

    await asyncio.gather(*(call() for _ in range(callers)))
    async with pool.connection() as conn:
        taken = await fetch_value(
            conn, sql("select extract(epoch from next_at - back_at)::float8 from provider_turn"), {}
        )
    # `back_at` is still when the row was made.
    assert taken == pytest.approx(callers, abs=0.9)


async def test_a_call_without_a_turn_comes_back_after_those_before_it(pool: Pool) -> None:
    async with pool.connection() as conn:
        begun = time.monotonic()
        turns = [await take_turn(conn, "ses", 0.5, 1.0) for _ in range(4)]
        took = time.monotonic() - begun
        assert await take_turn(conn, "smtp", 0.5, 1.0) == Turn(True, 0.0)
    assert [turn.granted for turn in turns] == [True, False, False, False]
    for turn, after in zip(turns[1:], (2.0, 4.0, 6.0), strict=True):
        assert after - took - 0.1 <= turn.seconds <= after + 0.1


def test_rates_of_providers_are_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCOURS_SEND_RATE_SES", "14")
    monkeypatch.setenv("PARCOURS_SEND_RATE_END_USER_MESSAGING", "2.5")
    settings = Settings(database_url="postgresql://localhost/none")
    assert settings.provider_rates == {"ses": 14.0, "end-user-messaging": 2.5}
    assert settings.send_rates == {}
    monkeypatch.setenv("PARCOURS_SEND_RATE_SNS", "0")
    with pytest.raises(ValidationError, match=r"0\.1"):
        Settings(database_url="postgresql://localhost/none")

"""The worker as a process: it stops gracefully, and several work side by side."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import Envelope
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from tests.support.conditions import eventually
from tests.support.engine import accept, activate, make_contact, newest_run, visits
from tests.support.forked import Forked, forked
from tests.support.smtp import SmtpSink

JOURNEY = """
journey: letter
entry: {event: Letter Asked}
steps:
  - {id: letter, email: {subject: A letter, text: Dear you, transactional: true}}
"""


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[Forked]:
    """`parcours worker`, ended with the context if it still runs."""
    assert settings.from_address is not None
    environment = {
        **os.environ,
        **settings.temporal,
        "DATABASE_URL": settings.database_url,
        "SMTP_URL": settings.smtp_url,
        "PARCOURS_FROM": settings.from_address,
    }
    process = await forked(["worker"], environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_worker_asked_to_stop_records_the_send_under_way(
    engine_settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    smtp_sink: SmtpSink,
) -> None:
    await activate(pool, JOURNEY)
    contact = await make_contact(pool, email="ada@example.com")
    reached, gate = asyncio.Event(), asyncio.Event()

    async def answer(_envelope: Envelope) -> str:
        reached.set()
        await gate.wait()
        return "250 OK"

    smtp_sink.answer = answer
    async with worker_process(engine_settings) as worker:
        await accept(pool, contact, "Letter Asked", {})
        await asyncio.wait_for(reached.wait(), 60)
        worker.send_signal(signal.SIGTERM)
        gate.set()
        assert await asyncio.wait_for(worker.wait(), 60) == 0
    run = await newest_run(pool, contact)
    assert run is not None
    assert [(v["step"], v["outcome"]) for v in await visits(pool, run["id"])] == [
        ("letter", "sent")
    ]
    assert len(smtp_sink.messages) == 1


async def test_two_workers_share_the_work_and_send_each_message_once(
    engine_settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    smtp_sink: SmtpSink,
) -> None:
    await activate(pool, JOURNEY)
    contacts = [await make_contact(pool, email=f"c{n}@example.com") for n in range(40)]
    async with worker_process(engine_settings), worker_process(engine_settings):
        for contact in contacts:
            await accept(pool, contact, "Letter Asked", {})

        async def all_ended() -> bool:
            async with pool.connection() as conn:
                cursor = await conn.execute("select count(*) from run where state = 'ended'")
                row = await cursor.fetchone()
            return row is not None and row[0] == len(contacts)

        await eventually(all_ended, timeout=90)
    recipients = sorted(mail.recipients[0] for mail in smtp_sink.messages)
    assert recipients == sorted(f"c{n}@example.com" for n in range(40))


async def test_a_provider_that_cannot_be_made_ends_the_worker_before_it_connects() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "worker.py",
        # Nothing listens there: it is not asked.
        env={
            **os.environ,
            "DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
            "SMTP_URL": "smtp://mail.example.com:587?starttls=perhaps",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert output.decode() == (
        "parcours: SMTP_URL says starttls=perhaps: write require, auto or never\n"
    )

"""A worker that is killed within a send: no message is lost, and none is sent twice unasked."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID

import pytest
from aiosmtpd.smtp import Envelope
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from devstack.inbox import Inbox
from infra.settings import Settings
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually
from tests.support.engine import accept, activate, make_contact, newest_run, visits
from tests.support.messages import rows
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Moment = Literal["links", "provider", "record"]
Policy = Literal["hold", "resend"]

JOURNEYS: Final = """
journey: {policy}-{channel}
entry: {{event: {policy} {channel}}}
defaults: {{topic: news, on_unknown: {policy}}}
steps:
  - {{id: send, {channel}: {{{content}}}}}
"""
CONTENTS: Final = {
    "sms": "text: 'See https://shop.example/{{ entry.page }}'",
    "email": "subject: Hello, text: Hello",
}
# The visit, the message, and how often the recipient got it.
EXPECTED: Final[dict[tuple[Moment, Policy], tuple[str, str, int]]] = {
    ("links", "hold"): ("unknown", "unknown", 0),
    ("links", "resend"): ("sent", "sent", 1),
    ("provider", "hold"): ("unknown", "unknown", 0),
    ("provider", "resend"): ("sent", "sent", 1),
    ("record", "hold"): ("unknown", "unknown", 1),
    ("record", "resend"): ("sent", "sent", 2),
}


@asynccontextmanager
async def locked(pool: Pool, statement: str, *values: Any) -> AsyncIterator[int]:
    """Keep locks until the context ends; the process that has them."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(statement.encode(), values)
        yield conn.info.backend_pid


async def waiting_for(pool: Pool, holder: int) -> list[int]:
    """The processes of the server that wait for another one."""
    found = await rows(
        pool, "select pid from pg_stat_activity where %s = any(pg_blocking_pids(pid))", holder
    )
    return [pid for (pid,) in found]


@pytest.fixture
def inbox(engine_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The file that the worker's text messages go to."""
    assert engine_settings.dev_inbox is not None
    monkeypatch.setenv("PARCOURS_PUBLIC_URL", "https://links.example")
    monkeypatch.setenv("PARCOURS_LINK_KEYS", "k" * 32)
    monkeypatch.setenv("PARCOURS_SMS", "inbox")
    monkeypatch.setenv("PARCOURS_DEV_INBOX", os.fspath(engine_settings.dev_inbox))
    return Inbox(engine_settings.dev_inbox)


@pytest.mark.long
async def test_a_worker_killed_between_claim_links_provider_and_record_leaves_a_clear_end(
    engine_settings: Settings, pool: Pool, smtp_sink: SmtpSink, inbox: Inbox
) -> None:
    await activate(pool, "topic: news\nname: News\ndefault: opt_out\n")
    contacts: dict[tuple[Moment, Policy], UUID] = {}
    for number, (moment, policy) in enumerate(EXPECTED):
        channel = "sms" if moment == "links" else "email"
        content = CONTENTS[channel]
        await activate(pool, JOURNEYS.format(policy=policy, channel=channel, content=content))
        contacts[moment, policy] = await make_contact(
            pool, phone=f"+3361234567{number}", email=f"{moment}.{policy}@example.com"
        )
    reached: set[str] = set()
    taken, died = asyncio.Event(), asyncio.Event()

    async def answer(envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        if died.is_set():
            return "250 OK"
        reached.add(recipient)
        if recipient.startswith("record"):
            await taken.wait()
            return "250 OK"
        await died.wait()
        return "451 Not now"

    smtp_sink.answer = answer
    async with worker_process(engine_settings) as worker:
        async with locked(pool, "lock table short_link in exclusive mode") as links:
            for (moment, policy), contact in contacts.items():
                channel = "sms" if moment == "links" else "email"
                await accept(pool, contact, f"{policy} {channel}", {"page": "a"})
            await eventually(lambda: len(reached) == 4, 30, what="four mails under way")

            async def both_wait(holder: int) -> bool:
                return len(await waiting_for(pool, holder)) == 2

            await eventually(lambda: both_wait(links), 30, what="two texts before their links")
            async with locked(
                pool,
                "select from run where contact_id = any(%s) for update",
                [contacts["record", "hold"], contacts["record", "resend"]],
            ) as runs:
                taken.set()
                await eventually(lambda: both_wait(runs), 30, what="two mails before their record")
                held = [*await waiting_for(pool, links), *await waiting_for(pool, runs)]
                worker.kill()
                await worker.wait()
        died.set()

        async def gone() -> bool:
            return not await rows(
                pool, "select pid from pg_stat_activity where pid = any(%s)", held
            )

        await eventually(gone, 30, what="the connections of the dead to end")
    states = await rows(pool, "select distinct state from message")
    assert states == [("claimed",)]
    assert (len(smtp_sink.messages), inbox.read()) == (2, [])

    async def all_ended() -> bool:
        return await rows(pool, "select id from run where state <> 'ended'") == []

    async with worker_process(engine_settings):
        await eventually(all_ended, 120, what="the runs to end")
    for (moment, policy), contact in contacts.items():
        run = await newest_run(pool, contact)
        assert run is not None
        (visit,) = await visits(pool, run["id"])
        ((message, state),) = await rows(
            pool, "select id, state from message where contact_id = %s", contact
        )
        if moment == "links":
            ((phone,),) = await rows(pool, "select phone from contact where id = %s", contact)
            arrived = len(inbox.read(phone))
        else:
            mails = [
                mail.message["X-Parcours-Message"]
                for mail in smtp_sink.messages
                if mail.recipients == [f"{moment}.{policy}@example.com"]
            ]
            assert set(mails) <= {str(message)}
            arrived = len(mails)
        assert (visit["outcome"], state, arrived) == EXPECTED[moment, policy], (moment, policy)
    # What the dead worker kept of its links, and what the next one did, is the same.
    ((code, links),) = await rows(
        pool,
        "select min(code), count(*) from short_link where message_id ="
        " (select id from message where contact_id = %s)",
        contacts["links", "resend"],
    )
    (text,) = inbox.read()
    assert (text["text"], links) == (f"See https://links.example/s/{code}", 1)

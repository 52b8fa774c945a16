"""The log as a stream: each item exactly once, however late it commits and often it is cut."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import psycopg
import pytest

from api.operations import log as routes
from api.operations import log_hub
from infra.settings import Settings
from tests.integration.api.conftest import Keys, Rows
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.log_streams import Follower, sent_events

WRITERS = 8
TRANSACTIONS = 25
ROWS = 10
EVENT = """
insert into event (contact_id, name, properties, message_id)
values (%(contact)s, %(name)s, '{}', gen_random_uuid()::text) returning 'event.' || id
"""
INSERTS = (
    EVENT,
    """insert into refusal (journey, contact_id, code) values ('welcome', %(contact)s, 'paused')
       returning 'refusal.' || id""",
    """insert into audit (actor, via, action, subject_kind, subject)
       values ('ops', 'api', 'topic.save', 'topic', 'news') returning 'action.' || id""",
    """insert into rejected_item (source, name, code, message, body)
       values ('ingest', 'Seen', 'unknown_topic', 'm', '{}') returning 'rejected.' || id""",
    """insert into fault (activity, code, detail) values ('dispatch', 'internal', 'd')
       returning 'fault.' || id""",
)


def caller(url: str, keys: Keys) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {keys.read}"}, timeout=60
    )


async def write(database_url: str, contact: Any, seed: int, written: list[str]) -> None:
    """Write rows in transactions that commit in another order than they write."""
    chance = random.Random(seed)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as conn:
        for _ in range(TRANSACTIONS):
            new = []
            async with conn.transaction():
                for _ in range(ROWS):
                    insert = chance.choice(INSERTS).encode()
                    named = {"contact": contact, "name": "Seen"}
                    row = await (await conn.execute(insert, named)).fetchone()
                    assert row is not None
                    new.append(row[0])
                    if chance.random() < 0.15:
                        await conn.execute("select pg_sleep(%s)", (chance.random() * 0.25,))
            written += new


async def new_contact(rows: Rows) -> Any:
    [[contact]] = await rows(
        "insert into contact (id, external_id) values (gen_random_uuid(), 'ada') returning id"
    )
    return contact


async def test_a_follower_that_is_cut_sees_each_row_once_however_late_it_commits(
    settings: Settings, keys: Keys, rows: Rows, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "EVERY", 0.1)
    contact = await new_contact(rows)
    [[since]] = await rows("select clock_timestamp()")
    written: list[str] = []
    follower = Follower([])
    async with AsyncExitStack() as stack:
        # It goes on at another process, which has read less or more.
        other = stack.enter_context(serving(settings))
        clients = [await stack.enter_async_context(caller(url, keys)) for url in (api_url, other)]

        async def follow() -> None:
            chance = random.Random(7)
            while True:
                for client in clients:
                    cut = chance.randint(1, 300)
                    await follower.read(client, cut, **{"from": since.isoformat()})

        following = asyncio.create_task(follow())
        writers = [
            asyncio.create_task(write(settings.database_url, contact, seed, written))
            for seed in range(WRITERS)
        ]
        try:
            await asyncio.gather(*writers)

            def all_seen() -> bool:
                if following.done():
                    following.result()
                return len(follower.seen) >= len(written)

            await eventually(all_seen, 60)
        finally:
            following.cancel()
            await asyncio.gather(following, *writers, return_exceptions=True)
    assert len(written) == WRITERS * TRANSACTIONS * ROWS
    times = Counter(each["id"] for each in follower.seen)
    assert {id_: n for id_, n in times.items() if n != 1} == {}
    assert set(times) == set(written)


async def test_what_was_begun_before_the_stream_and_commits_later_is_seen(
    settings: Settings, keys: Keys, rows: Rows, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ALIVE", 0.2)
    monkeypatch.setattr(log_hub, "EVERY", 0.1)
    contact = await new_contact(rows)
    async with (
        await psycopg.AsyncConnection.connect(settings.database_url) as late,
        caller(api_url, keys) as client,
    ):
        await late.execute(EVENT.encode(), {"contact": contact, "name": "Early"})
        await late.execute(INSERTS[2].encode())
        async with aclosing(sent_events(client)) as events:
            assert (await anext(events)).data is None
            # It comes after, in its id and its time, and is committed before.
            await rows(
                "insert into event (contact_id, name, properties, message_id)"
                " values (%s, 'Later', '{}', 'later') returning id",
                contact,
            )
            signs, seen = 0, []
            async for each in events:
                if each.data is not None:
                    seen.append(each.data)
                elif not seen:
                    signs += 1
                    if signs == 8:
                        await late.commit()
                if len(seen) == 3:
                    break
    assert signs >= 8
    assert sorted(each["summary"] for each in seen) == ["Early", "Later", "ops saved topic news"]

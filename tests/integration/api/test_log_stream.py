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

from api.http import keys as keys_in_use
from api.operations import log as routes
from api.operations import log_hub
from infra.settings import Settings
from store.reports import log_following
from store.reports.log import WantedLog
from store.reports.log_horizon import HorizonWatch, event_id_at
from tests.integration.api.conftest import Keys, Pool, Rows
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

            await eventually(all_seen, 60, what="each item")
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
            async with asyncio.timeout(30):
                async for each in events:
                    if each.data is not None:
                        seen.append(each.data)
                    elif signs < 8:
                        signs += 1
                        if signs == 8:
                            await late.commit()
                    if len(seen) == 3:
                        break
    assert signs >= 8
    assert sorted(each["summary"] for each in seen) == ["Early", "Later", "ops saved topic news"]


async def planted(pool: Pool, contact: Any, *names: str) -> None:
    async with pool.connection() as conn:
        for name in names:
            await conn.execute(EVENT.encode(), {"contact": contact, "name": name})


async def summaries(events: Any, count: int) -> list[str]:
    """What the next items say."""
    found: list[str] = []
    while len(found) < count:
        each = await anext(events)
        if each.data is not None:
            found.append(each.data["summary"])
    return found


async def test_streams_of_a_process_share_one_poll_and_have_their_own_filters(
    keys: Keys, pool: Pool, rows: Rows, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ALIVE", 0.3)
    monkeypatch.setattr(log_hub, "EVERY", 0.05)
    reads = looks = 0
    follow, look = log_following.follow_log, HorizonWatch.look

    async def counted_read(*arguments: Any, **named: Any) -> Any:
        nonlocal reads
        reads += 1
        return await follow(*arguments, **named)

    async def counted_look(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return await look(*arguments)

    monkeypatch.setattr(log_hub, "follow_log", counted_read)
    monkeypatch.setattr(HorizonWatch, "look", counted_look)

    [[ada], [bob]] = await rows(
        "insert into contact (id, external_id) values (gen_random_uuid(), 'ada'),"
        " (gen_random_uuid(), 'bob') returning id"
    )  # fmt: skip
    filters: tuple[dict[str, str], ...] = (
        {},
        {"contact": "ada"},
        {"type": "action,fault"},
        {"contact": "bob"},
        {},
    )
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(caller(api_url, keys))
        streams = [
            await stack.enter_async_context(aclosing(sent_events(client, **each)))
            for each in filters
        ]
        for each in streams:
            # A sign of life, with an id to go on from.
            assert (await anext(each)).data is None
        await planted(pool, ada, "Seen", "Bought")
        await planted(pool, bob, "Left")
        await rows(INSERTS[2])
        said = [
            await summaries(stream, count)
            for stream, count in zip(streams, (4, 2, 1, 1, 4), strict=True)
        ]
        assert (
            sorted(said[0])
            == sorted(said[4])
            == sorted(["Seen", "Bought", "Left", "ops saved topic news"])
        )
        assert said[1:4] == [["Seen", "Bought"], ["ops saved topic news"], ["Left"]]
        began = looks, reads
        await eventually(lambda: looks >= began[0] + 10)
        assert reads - began[1] <= looks - began[0] + 1


async def test_a_stream_ends_in_order_when_its_process_does_and_its_key_is_revoked(
    settings: Settings, keys: Keys, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ALIVE", 0.2)
    monkeypatch.setattr(keys_in_use, "REMEMBERED", 0.1)
    ends: list[Any] = []

    async def until_the_end(url: str, begun: asyncio.Event) -> None:
        async with caller(url, keys) as client, aclosing(sent_events(client)) as events:
            async for each in events:
                begun.set()
                if each.event == "end":
                    ends.append(each.data["code"])

    # The server waits for answers that are under way: it would not end.
    with serving(settings) as url:
        begun = asyncio.Event()
        reading = asyncio.create_task(until_the_end(url, begun))
        await begun.wait()
    await reading
    with serving(settings) as url:
        begun = asyncio.Event()
        reading = asyncio.create_task(until_the_end(url, begun))
        await begun.wait()
        await rows("update api_key set revoked_at = now() where scope = 'read' returning id")
        await reading
    assert ends == ["closing", "unauthorized"]


async def test_a_reader_that_falls_behind_what_is_kept_is_ended_and_goes_on_without_a_gap(
    pool: Pool, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "EVERY", 0.02)
    contact = await new_contact(rows)
    hub = log_hub.LogHub(pool, kept=5)
    wanted = WantedLog()
    seen: list[str] = []
    position = None
    with hub.stream():
        async with aclosing(hub.batches(None, wanted, alive=0.05)) as batches:
            position = (await anext(batches)).position
            await planted(pool, contact, *"abcdefghijkl")
            await eventually(lambda: hub.read >= 12)
            with pytest.raises(log_hub.TooSlow):
                await anext(batches)
        # It comes back with the last id that it has, and reads from the database.
        async with aclosing(hub.batches(position, wanted, alive=0.05)) as batches:
            async for batch in batches:
                seen += [each.followed.item.details["name"] for each, _ in batch.items]
                if len(seen) == 12:
                    break
    assert seen == list("abcdefghijkl")
    await hub.stop()


async def test_a_process_takes_so_many_streams_and_no_more(
    keys: Keys, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_hub, "MOST_STREAMS", 2)
    monkeypatch.setattr(routes, "ALIVE", 0.1)
    async with caller(api_url, keys) as client, AsyncExitStack() as stack:
        for _ in range(2):
            stream = await stack.enter_async_context(aclosing(sent_events(client)))
            await anext(stream)
        refused = await client.get("/v1/log/stream")
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
        assert refused.headers["retry-after"] == "3"
        await stream.aclose()

        async def room() -> bool:
            async with aclosing(sent_events(client)) as another:
                return (await anext(another)).id is not None

        async def taken() -> bool:
            try:
                return await room()
            except AssertionError:
                return False

        await eventually(taken)


async def test_the_first_event_of_all_is_seen_although_the_second_is_committed_before_it(
    settings: Settings, rows: Rows, pool: Pool
) -> None:
    contact = await new_contact(rows)
    async with await psycopg.AsyncConnection.connect(settings.database_url) as late:
        [[before]] = await rows("select clock_timestamp()")
        await late.execute(EVENT.encode(), {"contact": contact, "name": "First"})
        await rows(
            "insert into event (contact_id, name, properties, message_id)"
            " values (%s, 'Second', '{}', 'second') returning id",
            contact,
        )
        async with pool.connection() as conn:
            assert await event_id_at(conn, before) == 0

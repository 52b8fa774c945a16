"""Events of messages on the real database: found by message, recorded once, without order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.contacts.rows import lock_contacts
from store.events.effect_events import EffectRefused
from store.events.message_events import MessageEvent, take_message_events
from tests.support.conditions import eventually
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
SENT = datetime(2025, 11, 2, 9, 0, tzinfo=UTC)


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchall()


async def add_message(pool: Pool, contact: UUID | None = None, state: str = "sent") -> UUID:
    """A message to the contact, or to a new one."""
    if contact is None:
        contact = uuid4()
        await rows(
            pool,
            "insert into contact (id, email) values (%s, %s) returning id",
            contact, f"{contact}@example.com",
        )  # fmt: skip
    message = uuid4()
    await rows(
        pool,
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
        " values (%s, %s, 1, 'hello', %s, 'email', %s, 't') returning id",
        message, uuid4(), contact, state,
    )  # fmt: skip
    return message


def event(message: UUID, name: str = "Message Opened", **fields: Any) -> MessageEvent:
    return MessageEvent(message_id=message, name=name, id=fields.pop("id", str(uuid4())), **fields)


async def test_an_event_is_recorded_for_the_contact_of_its_message(pool: Pool) -> None:
    message = await add_message(pool, state="unknown")
    clicked = event(
        message,
        "Message Clicked",
        id="hit-1",
        happened_at=SENT,
        properties={"url": "https://example.com/"},
        by="human",
    )
    assert await take_message_events(pool, [clicked], source="links") == ["recorded"]
    recorded = await rows(
        pool,
        "select e.name, e.source, e.occurred_at, e.properties, o.event_id is not null from event e"
        " left join outbox o on o.event_id = e.id"
        " where e.contact_id = (select contact_id from message) order by e.id",
    )
    about = {"message_id": str(message), "step": "hello", "by": "human"}
    assert recorded == [
        ("Message Clicked", "links", SENT, {**about, "url": "https://example.com/"}, True),
        ("Message Opened", "engine", SENT, about, True),
    ]
    assert await rows(pool, "select state, clicked_at, opened_at from message") == [
        ("sent", SENT, SENT)
    ]


async def test_an_event_is_recorded_once_by_source_and_id(pool: Pool) -> None:
    message = await add_message(pool)
    same = [event(message, id="hit-1"), event(message, id="hit-1")]
    assert await take_message_events(pool, same, source="links") == ["recorded", "repeated"]
    assert await take_message_events(pool, same[:1], source="links") == ["repeated"]
    assert await take_message_events(pool, same[:1], source="ses") == ["recorded"]
    assert await rows(pool, "select count(*) from event") == [(2,)]


async def test_events_of_unknown_and_erased_messages_are_dropped(pool: Pool) -> None:
    message, other = await add_message(pool), await add_message(pool)
    ((contact,),) = await rows(pool, "select contact_id from message where id = %s", message)
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, contact)
    events = [event(message), event(uuid4()), event(other)]
    assert await take_message_events(pool, events, source="links") == [
        "unknown_message",
        "unknown_message",
        "recorded",
    ]
    assert await rows(pool, "select count(*) from event") == [(1,)]


async def test_the_first_time_of_a_status_is_kept_in_any_order(pool: Pool) -> None:
    message = await add_message(pool)
    later = event(message, happened_at=SENT + timedelta(hours=1))
    earlier = event(message, happened_at=SENT)
    ahead = event(message, "Message Delivered", happened_at=datetime(2999, 1, 1, tzinfo=UTC))
    for each in (later, earlier, ahead):
        await take_message_events(pool, [each], source="ses")
    assert await rows(pool, "select opened_at, delivered_at <= parcours.clock() from message") == [
        (SENT, True)
    ]


async def test_what_the_engine_cannot_record_is_refused_whole(pool: Pool) -> None:
    message = await add_message(pool)
    wrong = event(message, "Message Bounced", properties={"type": "medium"})
    with pytest.raises(EffectRefused):
        await take_message_events(pool, [event(message), wrong], source="ses")
    assert await rows(pool, "select count(*) from event") == [(0,)]


async def test_many_writers_of_the_same_events_record_each_once(pool: Pool) -> None:
    messages = [await add_message(pool) for _ in range(20)]
    events = [event(message, id=f"hit-{n}") for n in range(5) for message in messages]
    events = [event(each.message_id, id=f"{each.id}-{each.message_id}") for each in events]
    results = await asyncio.gather(
        *(
            take_message_events(pool, events[n:] + events[:n], source="links")
            for n in range(0, 99, 25)
        )
    )
    assert sum(result.count("recorded") for result in results) == 100
    assert await rows(pool, "select count(*), count(distinct message_id) from event") == [
        (100, 100)
    ]


async def test_a_message_that_moves_to_another_contact_meanwhile_is_found_there(
    pool: Pool,
) -> None:
    message, other = await add_message(pool), await add_message(pool)
    ((gone,), (into,)) = [
        (await rows(pool, "select contact_id from message where id = %s", each))[0]
        for each in (message, other)
    ]
    async with pool.connection() as conn, conn.transaction():
        await lock_contacts(conn, [gone, into])
        recording = asyncio.create_task(take_message_events(pool, [event(message)], source="links"))
        # The recording waits for the lock of the contact that is about to go.
        await eventually(
            lambda: rows(
                pool,
                "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database()",
            )
        )
        await conn.execute("update message set contact_id = %s where id = %s", (into, message))
    assert await recording == ["recorded"]
    assert await rows(pool, "select contact_id from event") == [(into,)]

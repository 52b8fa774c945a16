"""Bounces and complaints: whose address is suppressed, when, and in any order."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.message_events import MessageEvent, take_message_events
from store.messages.claims import AttemptResult, claim_message, record_result
from store.messages.suppressions import find_suppression

Pool = AsyncConnectionPool[AsyncConnection[Any]]
SENT = datetime(2025, 11, 2, 9, 0, tzinfo=UTC)
ADDRESS = "ann@example.com"


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchall() if cursor.description else []


async def add_contact(pool: Pool, email: str = ADDRESS) -> UUID:
    contact = uuid4()
    await rows(pool, "insert into contact (id, email) values (%s, %s)", contact, email)
    return contact


async def add_message(
    pool: Pool, contact: UUID, sent_at: datetime = SENT, *, topic: str | None = None
) -> UUID:
    message = uuid4()
    await rows(
        pool,
        "insert into message (id, run_id, visit, step, contact_id, channel, topic, state, token,"
        " address, first_attempt_at, settled_at)"
        " values (%s, %s, 1, 'hello', %s, 'email', %s, 'sent', 't', %s, %s, %s)",
        message, uuid4(), contact, topic, ADDRESS, sent_at, sent_at,
    )  # fmt: skip
    return message


def event(message: UUID, name: str, key: str = "", **properties: Any) -> MessageEvent:
    return MessageEvent(
        message_id=message, name=name, id=key or f"{name} {message}", properties=properties
    )


def soft(message: UUID, **properties: Any) -> MessageEvent:
    return event(message, "Message Bounced", type="soft", **properties)


async def suppression(pool: Pool, address: str = ADDRESS) -> str | None:
    async with pool.connection() as conn:
        return await find_suppression(conn, "email", address)


async def take(pool: Pool, *events: MessageEvent) -> None:
    await take_message_events(pool, events, source="ses")


async def now(pool: Pool) -> datetime:
    ((at,),) = await rows(pool, "select parcours.clock()")
    return at  # type: ignore[no-any-return]


async def test_the_fifth_soft_bounce_in_a_row_suppresses(pool: Pool) -> None:
    contact, begun = await add_contact(pool), await now(pool)
    sent = [await add_message(pool, contact, begun + timedelta(seconds=n)) for n in range(7)]
    await take(pool, event(sent[0], "Message Delivered"))
    for message in sent[1:5]:
        await take(pool, soft(message))
        assert await suppression(pool) is None
    # A doubled notification and another one of the same message are no further bounce.
    await take(pool, soft(sent[4]), event(sent[4], "Message Bounced", "again", type="soft"))
    assert await suppression(pool) is None
    await take(pool, soft(sent[5]))
    assert await suppression(pool) == "soft_bounced"
    # A later message that arrives shows that the address works.
    await take(pool, event(sent[6], "Message Delivered"))
    assert await suppression(pool) is None


async def test_a_delivery_in_between_begins_a_new_row(pool: Pool) -> None:
    contact, begun = await add_contact(pool), await now(pool)
    sent = [await add_message(pool, contact, begun + timedelta(seconds=n)) for n in range(9)]
    for n, message in enumerate(sent):
        await take(pool, event(message, "Message Delivered") if n == 4 else soft(message))
    assert await suppression(pool) is None


async def test_old_messages_without_a_bounce_have_arrived(pool: Pool) -> None:
    contact = await add_contact(pool)
    sent = [await add_message(pool, contact, SENT + timedelta(days=n)) for n in range(9)]
    for n, message in enumerate(sent):
        if n != 4:
            await take(pool, soft(message))
    assert await suppression(pool) is None


async def test_a_bounce_because_of_the_message_says_nothing_of_the_address(pool: Pool) -> None:
    contact, begun = await add_contact(pool), await now(pool)
    for n in range(6):
        message = await add_message(pool, contact, begun + timedelta(seconds=n))
        await take(pool, soft(message, cause="message", code="ContentRejected"))
    assert await suppression(pool) is None
    assert await rows(pool, "select count(*) from message where bounced_at is not null") == [(6,)]


@pytest.mark.parametrize("name", ["Message Bounced", "Message Complained"])
async def test_the_address_that_the_message_went_to_is_suppressed(pool: Pool, name: str) -> None:
    contact = await add_contact(pool)
    message = await add_message(pool, contact)
    await rows(pool, "update contact set email = 'new@example.com' where id = %s", contact)
    await take(pool, event(message, name))
    assert await suppression(pool) is not None
    assert await suppression(pool, "new@example.com") is None


async def test_the_weightiest_reason_is_kept_in_any_order(pool: Pool) -> None:
    contact, begun = await add_contact(pool), await now(pool)
    sent = [await add_message(pool, contact, begun + timedelta(seconds=n)) for n in range(7)]
    events = [*(soft(each) for each in sent[:5]), event(sent[5], "Message Bounced")]
    events.append(event(sent[6], "Message Complained"))
    for seed in range(4):
        await rows(pool, "delete from suppression")
        await rows(pool, "delete from outbox")
        await rows(pool, "delete from event")
        await rows(pool, "update message set bounced_at = null, soft_bounced_at = null")
        random.Random(seed).shuffle(events)
        for each in events:
            await take(pool, each)
        assert await suppression(pool) == "complained"


async def test_a_complaint_ends_the_consent_to_the_topic(pool: Pool) -> None:
    await rows(
        pool,
        "insert into document (kind, key, document, source, sha256)"
        " values ('topic', 'news', '{\"topic\": \"news\", \"default\": \"opt_out\"}', '', '')",
    )
    contact = await add_contact(pool)
    news, gone, owed = [
        await add_message(pool, contact, topic=topic) for topic in ("news", "gone", None)
    ]
    await take(pool, *(event(each, "Message Complained") for each in (news, gone, owed)))
    assert await rows(pool, "select topic, state from topic_state") == [("news", "unsubscribed")]
    assert await rows(
        pool,
        "select e.properties->>'source', c.name from event e join event c on c.id = e.cause_id"
        " where e.name = 'Topic Unsubscribed'",
    ) == [("complaint", "Message Complained")]
    assert await rows(pool, "select count(*) from message where complained_at is null") == [(0,)]


async def test_a_notification_before_the_record_settles_the_message_and_keeps_its_visit(
    pool: Pool,
) -> None:
    contact, run, message = await add_contact(pool), uuid4(), uuid4()
    await rows(
        pool,
        "insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " values (%s, 'j', 1, %s, 0, 0)",
        run, contact,
    )  # fmt: skip
    async with pool.connection() as conn:
        await claim_message(
            conn,
            message_id=message,
            run_id=run,
            visit=1,
            step="hello",
            contact_id=contact,
            channel="email",
            topic=None,
            transactional=False,
            class_="marketing",
            token="t",
            started=SENT,
            facts={},
            address=ADDRESS,
        )
    await take(pool, event(message, "Message Sent"))
    assert await rows(pool, "select state, address from message") == [("sent", ADDRESS)]
    assert await rows(pool, "select outcome from visit") == [(None,)]
    for again in (True, False):
        async with pool.connection() as conn:
            recorded = await record_result(
                conn,
                AttemptResult(
                    run_id=run,
                    visit=1,
                    token="t",
                    state="unknown",
                    outcome="unknown",
                    provider_id="0102",
                ),
            )
        assert recorded is again
    assert await rows(pool, "select state, provider_id from message") == [("sent", "0102")]
    assert await rows(pool, "select outcome from visit") == [("unknown",)]

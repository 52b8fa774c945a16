"""Records of consents: what is kept as evidence, of each address, until the contact is erased."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.clients import open_pool
from infra.settings import Settings
from journeys.model.consents import Evidence
from store.contacts.consent_listing import RecordedConsent, consent_records
from store.contacts.merge import merge_contact
from store.events.effect_events import EffectRefused
from store.events.recording import NewEvent, record_events
from tests.support.engine import activate, make_contact
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
TOPICS = """
topic: offers
default: opt_in
---
topic: news
default: double
---
topic: tips
default: opt_out
"""


@pytest.fixture
async def contact(pool: Pool) -> UUID:
    await activate(pool, TOPICS)
    return await make_contact(pool, email="ada@example.com", phone="+33612345678")


async def record(
    pool: Pool, contact: UUID, name: str, evidence: Evidence | None = None, **properties: Any
) -> None:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        event = NewEvent(name, properties, evidence=evidence, source="operate")
        await record_events(conn, contact, [event])


async def records(pool: Pool, contact: UUID) -> list[RecordedConsent]:
    async with pool.connection() as conn:
        return await consent_records(conn, contact, 0, 100)


async def test_each_change_is_recorded_for_each_address(pool: Pool, contact: UUID) -> None:
    await record(pool, contact, "Topic Subscribed", topic="news")
    await record(pool, contact, "Topic Confirmed", topic="news", address="ada@example.com")
    await record(pool, contact, "Topic Unsubscribed", topic="tips")
    await record(pool, contact, "Channel Unsubscribed", channel="sms")
    await record(pool, contact, "Channel Subscribed", channel="sms")
    found = [
        (each.topic, each.channel, each.address, each.previous, each.state)
        for each in await records(pool, contact)
    ]
    mail, phone = ("email", "ada@example.com"), ("sms", "+33612345678")
    assert found == [
        ("news", *mail, None, "pending"),
        ("news", *phone, None, "pending"),
        ("news", *mail, "pending", "subscribed"),
        ("tips", *mail, "subscribed", "unsubscribed"),
        ("tips", *phone, "subscribed", "unsubscribed"),
        (None, *phone, None, "unsubscribed"),
        (None, *phone, "unsubscribed", "subscribed"),
    ]


async def test_a_contact_without_an_address_has_a_record_too(pool: Pool, contact: UUID) -> None:
    other = await make_contact(pool)
    await record(pool, other, "Topic Subscribed", topic="offers")
    [found] = await records(pool, other)
    assert (found.channel, found.address, found.state) == (None, None, "subscribed")


async def test_a_caller_says_what_the_contact_was_shown(pool: Pool, contact: UUID) -> None:
    await record(
        pool, contact, "Topic Subscribed",
        topic="offers", source="form", text="Yes, send me offers", ip="203.0.113.7",
    )  # fmt: skip
    found = (await records(pool, contact))[0]
    assert (found.source, found.text) == ("form", "Yes, send me offers")
    async with pool.connection() as conn:
        cursor = await conn.execute("select id, properties from event where name like 'Topic %'")
        event_id, properties = (await cursor.fetchall())[0]
    assert found.event_id == event_id
    # The address of the request is in the record alone, as the setting wants it.
    assert properties == {"topic": "offers", "source": "form", "text": "Yes, send me offers"}


@pytest.mark.parametrize("source", ["page", "one_click", "confirmation", "sms", "complaint", 7])
async def test_a_caller_cannot_claim_the_evidence_of_another(
    pool: Pool, contact: UUID, source: Any
) -> None:
    await record(pool, contact, "Topic Subscribed", topic="offers", source=source, text=7, ip=7)
    found = (await records(pool, contact))[0]
    assert (found.source, found.text, found.request_address) == ("api", None, None)


async def test_the_address_of_the_request_is_kept_hashed_or_dropped(
    database_url: str, pool: Pool, contact: UUID
) -> None:
    kept: dict[str, list[str | None]] = {}
    for setting in ("keep", "hash", "drop"):
        settings = Settings(database_url=database_url, consent_address=setting)
        own = await open_pool(settings)
        try:
            for address in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
                shown = Evidence(source="page", request_address=address, channel="email")
                await record(own, contact, "Topic Subscribed", shown, topic="offers")
        finally:
            await own.close()
        kept[setting] = [each.request_address for each in await records(pool, contact)][-3:]
    assert kept["keep"] == ["203.0.113.7", "203.0.113.7", "203.0.113.8"]
    assert kept["drop"] == [None, None, None]
    one, same, other = kept["hash"]
    assert one == same != other
    assert one is not None
    assert re.fullmatch("[0-9a-f]{64}", one)


async def test_a_repeated_event_is_recorded_once(pool: Pool, contact: UUID) -> None:
    event = NewEvent("Topic Unsubscribed", {"topic": "offers"}, message_id="m-1", source="page")
    for _ in range(2):
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where id = %s for no key update", (contact,))
            await record_events(conn, contact, [event, event])
    assert len(await records(pool, contact)) == 2  # e-mail and phone


@pytest.mark.parametrize("channel", [None, "webhook", "fax", 3])
async def test_a_channel_that_is_none_is_refused(pool: Pool, contact: UUID, channel: Any) -> None:
    with pytest.raises(EffectRefused, match="email or sms"):
        await record(pool, contact, "Channel Unsubscribed", channel=channel)
    assert await records(pool, contact) == []


async def test_records_go_with_a_merge_and_the_stricter_channel_stays(
    pool: Pool, contact: UUID
) -> None:
    other = await make_contact(pool, email="ada@example.com")
    await record(pool, contact, "Channel Subscribed", channel="email")
    await record(pool, other, "Channel Unsubscribed", channel="email")
    await record(pool, other, "Channel Subscribed", channel="sms")
    await record(pool, contact, "Channel Unsubscribed", channel="sms")
    async with pool.connection() as conn, conn.transaction():
        await merge_contact(conn, other, contact)
    async with pool.connection() as conn:
        cursor = await conn.execute("select contact_id, channel, state from channel_state")
        assert sorted(await cursor.fetchall()) == [
            (contact, "email", "unsubscribed"),
            (contact, "sms", "unsubscribed"),
        ]
    recorded = await records(pool, contact)
    assert len(recorded) == 5
    last = recorded[0] if recorded[0].id > recorded[-1].id else recorded[-1]
    assert (last.channel, last.previous, last.state, last.source) == (
        "email", "subscribed", "unsubscribed", "merge",
    )  # fmt: skip


async def test_records_are_erased_with_the_contact(pool: Pool, contact: UUID) -> None:
    await record(pool, contact, "Topic Subscribed", topic="offers")
    await record(pool, contact, "Channel Unsubscribed", channel="email")
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, contact)
    async with pool.connection() as conn:
        for table in ("consent_record", "channel_state"):
            cursor = await conn.execute(f"select count(*) from {table}".encode())
            assert await cursor.fetchone() == (0,)


async def test_a_complaint_is_recorded_as_one_and_counted_by_its_message(
    pool: Pool, contact: UUID
) -> None:
    message = uuid4()
    await record(pool, contact, "Topic Subscribed", topic="offers")
    async with pool.connection() as conn:
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, topic, state,"
            " token, address) values (%s, %s, 1, 'mail', %s, 'email', 'offers', 'sent', '', %s)",
            (message, uuid4(), contact, "ada@example.com"),
        )
    await record(pool, contact, "Message Complained", message_id=str(message))
    found = (await records(pool, contact))[-1]
    assert (found.topic, found.previous, found.state, found.source, found.message_id) == (
        "offers", "subscribed", "unsubscribed", "complaint", message,
    )  # fmt: skip
    async with pool.connection() as conn:
        cursor = await conn.execute("select unsubscribed_at is not null from message")
        assert await cursor.fetchone() == (True,)

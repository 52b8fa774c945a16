"""What a contact did, by the hour its clock showed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.events.active_hours import active_hours
from tests.support.engine import make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DAYS = timedelta(days=90)
YESTERDAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)


async def hours(pool: Pool, zone: str, *events: dict[str, Any]) -> dict[int, int]:
    """Of a contact with these rows of `event`, among those of another."""
    contact, other = await make_contact(pool), await make_contact(pool)
    async with pool.connection() as conn:
        for owner, row in [(other, {}), *((contact, event) for event in events)]:
            values = {
                "contact_id": owner, "name": "Page Viewed", "stamped_at": YESTERDAY,
                "message_id": str(uuid4()), **row,
            }  # fmt: skip
            values["properties"] = Jsonb(values.get("properties", {}))
            names = ", ".join(values)
            places = ", ".join(f"%({name})s" for name in values)
            await conn.execute(f"insert into event ({names}) values ({places})", values)
        return await active_hours(conn, contact, zone, DAYS)


@pytest.mark.parametrize(
    ("zone", "at", "hour"),
    [
        # Kathmandu is at +05:45, Paris in January at +01:00 and in July at +02:00.
        ("Asia/Kathmandu", "2026-01-15T14:14Z", 19),
        ("Asia/Kathmandu", "2026-01-15T14:15Z", 20),
        ("Europe/Paris", "2026-01-15T23:59Z", 0),
        ("Europe/Paris", "2026-07-15T21:59Z", 23),
    ],
)
async def test_hours_are_those_of_the_contacts_clock(
    pool: Pool, zone: str, at: str, hour: int
) -> None:
    stamped = datetime.fromisoformat(at)
    contact = await make_contact(pool)
    async with pool.connection() as conn:
        await conn.execute(
            "insert into event (contact_id, name, stamped_at, message_id)"
            " values (%s, 'Page Viewed', %s, 'm')",
            (contact, stamped),
        )
        within = datetime.now(UTC) - stamped + timedelta(days=1)
        assert await active_hours(conn, contact, zone, within) == {hour: 1}


async def test_only_what_the_contact_itself_did_lately_counts(pool: Pool) -> None:
    counted: list[dict[str, Any]] = [
        {},
        {"name": "Topic Subscribed"},
        {"name": "Message Opened", "properties": {"by": "human"}},
        {"name": "Message Clicked", "properties": {}},
        {"name": "Message Clicked", "properties": {"by": "unknown"}},
        {"name": "Message Replied"},
        # A word of the backend's own.
        {"name": "Robot Bought", "properties": {"by": "machine"}},
        {"stamped_at": datetime.now(UTC) - DAYS + timedelta(minutes=1)},
    ]
    others: list[dict[str, Any]] = [
        {"name": "Contact Changed"},
        {"name": "Message Sent"},
        {"name": "Message Delivered"},
        {"name": "Message Bounced"},
        {"name": "Message Complained"},
        {"name": "Message Opened", "properties": {"by": "machine"}},
        {"name": "Message Clicked", "properties": {"by": "machine"}},
        {"depth": 1},
        {"run_id": uuid4()},
        {"stamped_at": datetime.now(UTC) - DAYS - timedelta(minutes=1)},
    ]
    found = await hours(pool, "UTC", *counted, *others)
    assert sum(found.values()) == len(counted)

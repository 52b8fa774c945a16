"""Contacts and events in great numbers, written by COPY.

Each contact has ten events, spread over 300 days. Nothing is drawn at random: a second run makes
the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

EVENTS_EACH: Final = 10
ORDER: Final = "Order Completed"
VIEW: Final = "Page Viewed"
_NAMES: Final = (ORDER, VIEW, "Product Viewed", "Cart Updated", "Signed In")
_ZONES: Final = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "UTC")
_PLANS: Final = ("free", "free", "free", "pro", "gold")
_DAYS: Final = 300
_BLOCK: Final = 5_000
"""Rows that are handed to COPY at a time."""

_CONTACTS: Final = """
copy contact (id, external_id, email, timezone, country, attributes, created_at, last_event_id,
              judged_event_id) from stdin
"""
_EVENTS: Final = "copy event (id, contact_id, name, properties, message_id, stamped_at) from stdin"


def contact_id(number: int) -> UUID:
    """The id of a contact by its number, from 0 on."""
    return UUID(bytes=md5(b"%d" % number, usedforsecurity=False).digest())


async def fill(conn: AsyncConnection[Any], contacts: int) -> None:
    """Write the contacts with their events into the empty tables of a migrated database."""
    now = datetime.now(UTC)
    # Filling the table without indexes and creating them after it is many times faster.
    await conn.execute("alter table event drop constraint event_of_source")
    await conn.execute("drop index event_by_time")
    await conn.execute("set maintenance_work_mem = '256MB'")
    await _copy(conn, _CONTACTS, _contact_rows(contacts, now))
    await _copy(conn, _EVENTS, _event_rows(contacts, now))
    await conn.execute("create index event_by_time on event (contact_id, name, occurred_at, id)")
    await conn.execute(
        "alter table event add constraint event_of_source unique (message_id, source)"
    )
    await conn.execute("select setval('event_id_seq', %s)", (contacts * EVENTS_EACH,))
    await settle(conn)


async def settle(conn: AsyncConnection[Any]) -> None:
    """Gather statistics, and write what the filling has left to be written."""
    await conn.execute("vacuum (analyze) contact")
    await conn.execute("vacuum (analyze) event")
    await conn.execute("checkpoint")


async def _copy(conn: AsyncConnection[Any], statement: str, rows: Iterator[str]) -> None:
    async with conn.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        while block := "".join(row for _, row in zip(range(_BLOCK), rows, strict=False)):
            await copy.write(block)


def _contact_rows(contacts: int, now: datetime) -> Iterator[str]:
    created = (now - timedelta(days=_DAYS + 1)).isoformat()
    first_birthday = date(1950, 1, 1)
    before = contacts * (EVENTS_EACH - 1) + 1
    for number in range(contacts):
        born = first_birthday + timedelta(days=number * 7 % 20_000)
        yield (
            f"{contact_id(number)}\tc{number}\tc{number}@example.com\t{_ZONES[number % 5]}\tFR\t"
            f'{{"plan": "{_PLANS[number // 3 % 5]}", "visits": {number % 97},'
            f' "birthday": "{born}"}}\t{created}\t{before + number}\t{before + number}\n'
        )


def _event_rows(contacts: int, now: datetime) -> Iterator[str]:
    ids = [str(contact_id(number)) for number in range(contacts)]
    step = timedelta(days=_DAYS) / EVENTS_EACH
    event = 0
    for turn in range(EVENTS_EACH):
        at = (now - step * (EVENTS_EACH - turn)).isoformat()
        for number in range(contacts):
            event += 1
            yield (
                f"{event}\t{ids[number]}\t{_NAMES[(number + turn) % 5]}\t"
                f'{{"total": {(number + turn * 31) % 100}}}\tm{event}\t{at}\n'
            )

"""Contacts and messages that notifications are about, written row by row."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """What a statement returns."""
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments or None)
        return await cursor.fetchall() if cursor.description else []


async def add_contact(pool: Pool, *, email: str | None = None, phone: str | None = None) -> UUID:
    """A new contact."""
    contact = uuid4()
    await rows(
        pool,
        "insert into contact (id, email, phone) values (%s, %s, %s)",
        contact, email, phone,
    )  # fmt: skip
    return contact


async def add_message(
    pool: Pool,
    contact: UUID,
    *,
    channel: str = "email",
    state: str = "sent",
    provider_id: str | None = None,
    provider: str | None = None,
    address: str | None = None,
    topic: str | None = None,
    sent_at: datetime | None = None,
) -> UUID:
    """A message to a contact, of a step `hello`."""
    message = uuid4()
    await rows(
        pool,
        "insert into message (id, run_id, visit, step, contact_id, channel, topic, state, token,"
        " provider, provider_id, address, first_attempt_at, settled_at)"
        " values (%s, %s, 1, 'hello', %s, %s, %s, %s, 't', %s, %s, %s,"
        " coalesce(%s, parcours.clock()), coalesce(%s, parcours.clock()))",
        message, uuid4(), contact, channel, topic, state, provider, provider_id, address, sent_at,
        sent_at,
    )  # fmt: skip
    return message

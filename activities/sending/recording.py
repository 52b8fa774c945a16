"""The record of an attempt, which is tried again while PostgreSQL is away, within the attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from activities.failures import retryable_error
from activities.sending.claim import Claimed
from activities.sending.provider_call import Record
from journeys.time.backoff import Backoff
from store.messages.recipients import address_of
from store.messages.suppressions import suppress
from store.sql import DATABASE_AWAY, is_database_away

log = structlog.get_logger(__name__)

_RECORD_FOR: Final = 8.0
"""Seconds for which a record is tried again. With the provider's 20 they stay below the 30 of an
attempt."""
_RECORD_AGAIN: Final = Backoff(first=0.1, longest=1.0)
_Result = TypeVar("_Result")


async def record_within_attempt(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    message_id: UUID,
    record: Callable[[AsyncConnection[Any]], Awaitable[_Result]],
) -> _Result:
    """Record what came of a message. Raises `record_lost` if PostgreSQL stays away."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _RECORD_FOR
    failures = 0
    while True:
        try:
            async with pool.connection(timeout=2) as conn:
                return await record(conn)
        except Exception as error:
            if not (isinstance(error, DATABASE_AWAY) or is_database_away(error)):
                raise
            failures += 1
            delay = _RECORD_AGAIN.delay(failures)
            if loop.time() + delay > until:
                log.warning("record_lost", message_id=str(message_id))
                raise retryable_error("record_lost", timedelta(seconds=1)) from None
            await asyncio.sleep(delay)


async def suppress_refused(conn: AsyncConnection[Any], claimed: Claimed, record: Record) -> None:
    """Suppress the address of a message that its provider refused because of it."""
    address = address_of(claimed.contact, claimed.step.kind) if record.suppress else None
    if address:
        await suppress(conn, [(claimed.step.kind, address, record.code or "refused")])

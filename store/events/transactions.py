"""Transactions that are repeated while others change the same contacts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool

from store.events.recording import ConcurrentChange
from store.sql import Connection

ATTEMPTS: Final = 10
"""How often a transaction is tried. Fewer others are in its way each time."""


Result = TypeVar("Result")


async def repeating(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    act: Callable[[Connection], Awaitable[Result]],
) -> Result:
    """What `act` returns in a transaction of its own, repeated while it conflicts with another.

    Raises store.events.recording.ConcurrentChange if it always does, or the database's own error if
    the last was a deadlock or a conflict that the database saw.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with pool.connection() as conn, conn.transaction():
                return await act(conn)
        except (DeadlockDetected, SerializationFailure):
            if attempt == ATTEMPTS:
                raise
        except (ConcurrentChange, UniqueViolation):
            continue
    raise ConcurrentChange

"""Ingest: tracking calls become contacts and events, a batch in one transaction.

First every contact of the batch is locked, in the order of ids. Then the items are applied in their
own order to the locked contacts in memory. Then everything is written at once. The order of a
contact's events is the order of their ids, which are drawn under the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    SerializationFailure,
    UniqueViolation,
)
from psycopg_pool import AsyncConnectionPool

from store.events.batch import Batch
from store.events.combined_tracks import CombinedTracks
from store.events.contact_merging import JudgesMerged
from store.events.fast_path import is_simple
from store.events.items import Accepted, Item, Rejected, Sender
from store.events.recording import ConcurrentChange
from store.events.repeated_ids import warn_of_repeated
from store.sql import Connection

PUBLIC: Final = Sender("ingest")
"""The holder of a public key, with the source that such keys have by default."""
_ATTEMPTS = 10
"""How often a batch is tried while others insert the same contacts: fewer of them each time."""


async def take(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    items: Sequence[Item],
    *,
    limit_per_minute: int,
    sender: Sender = PUBLIC,
    fast: CombinedTracks | None = None,
    segments: Callable[[], JudgesMerged] | None = None,
) -> list[Accepted | Rejected]:
    """Accept a batch in its own transaction, and repeat that when it conflicts with another.

    An item that repeats a message id of its source is accepted without effect, with a warning if
    it is not the same event. `fast` records the batches of the fast path; by default each is
    recorded on a connection of `pool`. `segments` makes what judges known
    contacts that are merged.

    Raises psycopg.OperationalError or psycopg_pool.PoolTimeout while the database is unavailable.
    """
    conflicts = 0
    simple = is_simple(items)
    for attempt in range(_ATTEMPTS):
        try:
            if simple:
                answers = await (fast or CombinedTracks(pool)).record(
                    items, limit_per_minute=limit_per_minute, sender=sender
                )
                if answers is not None:
                    return await _warned(pool, items, answers, sender)
                simple = False
            async with pool.connection() as conn, conn.transaction():
                answers = await accept(
                    conn,
                    items,
                    limit_per_minute=limit_per_minute,
                    sender=sender,
                    segments=None if segments is None else segments(),
                )
            return await _warned(pool, items, answers, sender)
        except LockNotAvailable:
            # On a connection of `pool` it is waited for.
            simple = False
        except (ConcurrentChange, UniqueViolation):
            if attempt == _ATTEMPTS - 1:
                raise
        except (DeadlockDetected, SerializationFailure):
            conflicts += 1
            if conflicts > 1:
                raise
    raise AssertionError("a batch is accepted or its error raised")


async def _warned(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    items: Sequence[Item],
    answers: list[Accepted | Rejected],
    sender: Sender,
) -> list[Accepted | Rejected]:
    if all(isinstance(answer, Rejected) or answer.new for answer in answers):
        return answers
    async with pool.connection() as conn:
        return await warn_of_repeated(conn, items, answers, sender.source)


async def accept(
    conn: Connection,
    items: Sequence[Item],
    *,
    limit_per_minute: int,
    sender: Sender = PUBLIC,
    segments: JudgesMerged | None = None,
) -> list[Accepted | Rejected]:
    """Accept a batch within the caller's transaction; an answer for each item, in order.

    An item whose message id was accepted before has no effect and is accepted. The items of one
    contact beyond `limit_per_minute` are rejected as `rate_limited`. Raises ConcurrentChange if the
    transaction must be rolled back and repeated.
    """
    batch = Batch(conn, limit_per_minute, sender, segments)
    await batch.lock(items)
    answers: list[Accepted | Rejected] = []
    for item in items:
        answers.append(await batch.apply(item))  # noqa: PERF401 - each sees what the last one did
    await batch.write()
    await batch.judge_merged()
    return answers

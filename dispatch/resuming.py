"""Waking the sends that a pause held, once it is over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.temporal import wake
from store.journeys import forgotten_visits, held_visits

_PAGE = 100


async def wake_forgotten(conn: AsyncConnection[Any], temporal: Client, limit: int) -> int:
    """Wake sends that a pause held and whose journey is active again, whoever was to wake them.

    Raises temporalio.service.RPCError while Temporal is away.
    """
    forgotten = await forgotten_visits(conn, limit)
    for journey, run_id, visit in forgotten:
        await wake(temporal, journey, run_id, visit)
    return len(forgotten)


async def wake_held(
    pool: AsyncConnectionPool[AsyncConnection[Any]], temporal: Client, journey: str
) -> int:
    """Wake every send of a journey that stands still for a pause; how many there were.

    A send that is woken while the pause goes on only looks, and stands still again. Raises
    temporalio.service.RPCError or RuntimeError while Temporal is away.
    """
    woken = 0
    after: UUID | None = None
    while True:
        async with pool.connection() as conn:
            held = await held_visits(conn, journey, after, _PAGE)
        for run_id, visit in held:
            await wake(temporal, journey, run_id, visit)
        woken += len(held)
        if len(held) < _PAGE:
            return woken
        after = held[-1][0]

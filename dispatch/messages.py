"""Waking sends whose pause is over."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.temporal import wake
from store.messages.paused_sends import overlooked_paused_sends


async def wake_overlooked_paused_sends(
    conn: AsyncConnection[Any], temporal: Client, limit: int
) -> int:
    """Wake sends that a pause held and whose journey is active again, whoever was to wake them.

    Raises temporalio.service.RPCError while Temporal is away.
    """
    forgotten = await overlooked_paused_sends(conn, limit)
    for journey, run_id, visit in forgotten:
        await wake(temporal, journey, run_id, visit)
    return len(forgotten)

"""Sends that a pause deferred: waking those whose pause is over."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.temporal import wake
from store.messages.paused_sends import overlooked_paused_sends


async def wake_overlooked_paused_sends(
    conn: AsyncConnection[Any], temporal: Client, limit: int
) -> int:
    """Wake sends that a pause deferred, that no job woke, and whose journey is active again.

    Returns how many. Raises temporalio.service.RPCError while Temporal is away.
    """
    overlooked = await overlooked_paused_sends(conn, limit)
    for journey, run_id, visit in overlooked:
        await wake(temporal, journey, run_id, visit)
    return len(overlooked)

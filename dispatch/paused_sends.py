"""Sends that a pause deferred: waking those whose pause is over."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.faults import FoundFault
from dispatch.temporal import make_calls, wake
from store.messages.paused_sends import overlooked_paused_sends


async def wake_overlooked_paused_sends(
    conn: AsyncConnection[Any],
    temporal: Client,
    limit: int,
    after: UUID | None,
    faults: list[FoundFault],
) -> UUID | None:
    """Wake sends that a pause deferred, that no job woke, and whose journey is active again.

    They are taken by run beyond `after`. Returns the run to go on after; None: begin at the first.
    Raises TemporalAway.
    """
    overlooked = await overlooked_paused_sends(conn, limit, after)
    failed = await make_calls(
        temporal,
        {
            (run_id, visit): partial(wake, temporal, journey, run_id, visit)
            for journey, run_id, visit in overlooked
        },
    )
    faults += [
        FoundFault("wake", error, run_id=run_id, visit=visit)
        for (run_id, visit), error in failed.items()
    ]
    return overlooked[-1][1] if len(overlooked) == limit else None

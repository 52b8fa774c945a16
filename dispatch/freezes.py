"""Freezes: marketing that bounces or annoys too much stops by itself; what waited goes on after."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.faults import FoundFault
from dispatch.temporal import make_calls, wake
from journeys.protocol.channels import MESSAGE_KINDS
from store.messages.freezes import (
    Reputation,
    freeze,
    freeze_of,
    mark_woken,
    read_reputation,
    thawed_sends,
)
from store.operations.faults import record_fault

log = structlog.get_logger(__name__)

_PAGES: Final = 20
"""Of sends that are woken in one round, at most."""


async def freeze_bad_channels(conn: AsyncConnection[Any]) -> None:
    """Freeze the marketing of each channel whose latest messages bounced or annoyed too much."""
    for channel in sorted(MESSAGE_KINDS):
        reputation = await read_reputation(conn, channel)
        if not reputation.bad or await freeze_of(conn, channel) is not None:
            continue
        words = _words(reputation)
        async with conn.transaction():
            if await freeze(conn, channel, words, by=None, reputation=reputation) is None:
                continue
            await record_fault(
                conn,
                activity="freezes",
                code="frozen",
                subject=f"channel {channel}",
                detail=f"marketing is frozen: {words}; `parcours unfreeze` ends it",
            )
        log.error("channel_frozen", channel=channel, reason=words)


def _words(found: Reputation) -> str:
    return (
        f"of the last {found.sends} marketing messages {found.bounces} bounced "
        f"and {found.complaints} were complained about"
    )


async def wake_thawed_sends(
    conn: AsyncConnection[Any], temporal: Client, limit: int, faults: list[FoundFault]
) -> None:
    """Wake the sends whose freeze is over. Raises TemporalAway."""
    for _ in range(_PAGES):
        found = await thawed_sends(conn, limit)
        if not found:
            return
        failed = await make_calls(
            temporal,
            {
                (run_id, visit): partial(wake, temporal, journey, run_id, visit)
                for journey, run_id, visit in found
            },
        )
        faults += [
            FoundFault("wake", error, run_id=run_id, visit=visit)
            for (run_id, visit), error in failed.items()
        ]
        # One that could not be woken now is tried again in an hour, so it keeps no other waiting.
        await mark_woken(conn, [(run_id, visit) for _, run_id, visit in found])

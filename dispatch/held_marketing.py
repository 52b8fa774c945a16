"""Marketing that waits with others: frozen by itself, woken after a freeze or on another day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.faults import FoundFault
from dispatch.temporal import make_calls, wake
from journeys.protocol.channels import MESSAGE_KINDS, ChannelName
from journeys.schedule.ceilings import DailyCeiling
from store.messages.daily_counts import counted_today, sends_at_ceiling, waiting_turns
from store.messages.freezes import (
    Reputation,
    freeze,
    freeze_of,
    mark_woken,
    read_reputation,
    thawed_sends,
)
from store.operations.audit import ENGINE, record_audit
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
            await record_audit(conn, ENGINE, "channel.freeze", f"channel:{channel}", reason=words)
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
        await _wake(conn, temporal, found, faults)


async def wake_within_ceilings(
    conn: AsyncConnection[Any],
    temporal: Client,
    ceilings: Mapping[ChannelName, DailyCeiling],
    limit: int,
    faults: list[FoundFault],
) -> None:
    """Wake as many of the sends that a ceiling holds as it has room for. Raises TemporalAway.

    A channel that has no ceiling any more has room for all.
    """
    today = datetime.now(UTC).date()
    for channel in sorted(MESSAGE_KINDS):
        ceiling = next((each for name, each in ceilings.items() if name == channel), None)
        most = None if ceiling is None else ceiling.for_marketing(today)
        for _ in range(_PAGES):
            room = limit
            if most is not None:
                taken = await counted_today(conn, channel) + await waiting_turns(conn, channel)
                room = min(limit, most - taken)
            found = await sends_at_ceiling(conn, channel, room) if room > 0 else []
            if not found:
                break
            await _wake(conn, temporal, found, faults)


async def _wake(
    conn: AsyncConnection[Any],
    temporal: Client,
    found: list[tuple[str, UUID, int]],
    faults: list[FoundFault],
) -> None:
    """Wake sends, and mark them. One that could not be woken is tried again in an hour."""
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
    await mark_woken(conn, [(run_id, visit) for _, run_id, visit in found])

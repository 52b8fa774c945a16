"""Calls that are still to be made for runs: marked by a transaction, or parked when they failed.

An activity decides in its transaction and makes no call: it marks the row, and a dispatcher makes
the call. Making one twice changes nothing. Each call succeeds or fails by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.faults import FoundFault, record_faults
from dispatch.goals import record_goal_met_before
from dispatch.temporal import (
    TemporalAway,
    TemporalBusy,
    is_busy,
    make_calls,
    start_journey,
    wake,
)
from journeys.time.backoff import Backoff
from store.definitions.catalog import Catalog
from store.runs.rows import read_run
from store.runs.workflow_marks import (
    CallKey,
    ParkedCall,
    calls_done,
    give_back_calls,
    retry_call,
    take_calls,
    workflow_started,
    workflows_stopped,
)
from store.sql import is_database_away

_LEASE = timedelta(seconds=30)
"""Longer than it takes to make all calls that are taken at once."""
_RETRY = Backoff(first=1.0, longest=300.0)


async def make_marked_calls(
    conn: AsyncConnection[Any],
    client: Client,
    catalog: Catalog,
    limit: int,
    *,
    public_url: str | None = None,
) -> int:
    """Make the calls that are due, and return how many were.

    Raises TemporalAway and TemporalBusy; the calls that were not made are then due at once.
    """
    taken = await take_calls(conn, limit, _LEASE)
    if not taken:
        return 0
    failed: dict[CallKey, Exception] = {}
    makers: dict[CallKey, Callable[[], Awaitable[object]]] = {}
    for call in taken:
        try:
            maker = await _maker(conn, client, catalog, call, public_url)
        except Exception as error:
            if is_database_away(error):
                raise
            failed[call.key] = error
        else:
            if maker is not None:
                makers[call.key] = maker
    try:
        failed |= await make_calls(client, makers)
    except TemporalAway:
        await _settle(conn, [call for call in taken if call.key not in makers], failed)
        await give_back_calls(conn, list(makers))
        raise
    busy = [key for key, error in failed.items() if is_busy(error)]
    await _settle(conn, [call for call in taken if call.key not in busy], failed)
    if busy:
        await give_back_calls(conn, busy)
        raise TemporalBusy("Temporal takes fewer calls than were made")
    return len(taken)


async def _maker(
    conn: AsyncConnection[Any],
    client: Client,
    catalog: Catalog,
    call: ParkedCall,
    public_url: str | None,
) -> Callable[[], Awaitable[object]] | None:
    """The call to Temporal; None if none is needed (any more)."""
    match call.kind:
        case "goal":
            await record_goal_met_before(conn, catalog, call.run_id)
            return None
        case "stop":
            return partial(wake, client, call.journey, call.run_id, 0)
        case "wake":
            return (
                partial(wake, client, call.journey, call.run_id, call.visit)
                if call.active
                else None
            )
    run = await read_run(conn, call.run_id)
    if run is None or not run.active:
        return None
    definition = await catalog.definition(conn, run.journey, run.version)
    return partial(
        start_journey,
        client,
        run_id=run.id,
        journey=run.journey,
        version=run.version,
        contact_id=run.contact_id,
        program=definition.program,
        name=definition.journey.name,
        public_url=public_url,
    )


async def _settle(
    conn: AsyncConnection[Any], calls: Sequence[ParkedCall], failed: Mapping[CallKey, Exception]
) -> None:
    """Record which calls were made, and when those that failed are made again."""
    made = [call for call in calls if call.key not in failed]
    await workflow_started(conn, [call.run_id for call in made if call.kind == "start"])
    await workflows_stopped(conn, [call.run_id for call in made if call.kind == "stop"])
    await calls_done(conn, [call.key for call in made])
    faults = []
    for call in calls:
        if call.key in failed:
            delay = timedelta(seconds=_RETRY.delay(call.attempts + 1))
            await retry_call(conn, call.key, delay)
            faults.append(
                FoundFault(call.kind, failed[call.key], run_id=call.run_id, visit=call.visit)
            )
    await record_faults(conn, faults)

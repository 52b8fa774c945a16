"""Wakes: runs that listen for an event, or that an entry ended, get a signal that only wakes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.round import Round, RunWake
from dispatch.temporal import TemporalAway, run_all, wake
from store.definitions.catalog import Catalog
from store.events.outbox import OutboxEvent
from store.waits.due_listeners import make_due_by_events
from store.waits.listener_candidates import Candidate, listeners_for
from store.waits.listeners import first_fired


async def find_listeners(
    conn: AsyncConnection[Any], catalog: Catalog, events: list[OutboxEvent], round_: Round
) -> None:
    """Add to the round the runs that listen for these events.

    Conditions that they can change become due instead.
    """
    event_ids = [event.id for event in events]
    round_.made_due += await make_due_by_events(conn, event_ids)
    candidates = await listeners_for(conn, event_ids)
    contacts = {event.id: event.contact_id for event in events}
    for candidate in candidates:
        key = (candidate.run_id, candidate.visit)
        if key in round_.wakes:
            continue
        if candidate.rest and not await listener_fires(conn, catalog, candidate):
            continue
        round_.wakes[key] = RunWake(
            candidate.journey,
            candidate.run_id,
            candidate.visit,
            candidate.event_id,
            contacts[candidate.event_id],
        )


async def listener_fires(
    conn: AsyncConnection[Any], catalog: Catalog, candidate: Candidate
) -> bool:
    """Whether a listener fires: its whole condition, in one statement."""
    definition = await catalog.definition(conn, candidate.journey, candidate.version)
    if candidate.visit == 0:
        query = definition.exits
    elif candidate.step is not None:
        query = definition.wait_query(candidate.step)
    else:
        return True
    if query is None:
        return False
    fired = await first_fired(conn, query, run_id=candidate.run_id, visit=candidate.visit)
    return fired is not None


async def wake_runs(client: Client, round_: Round) -> None:
    """Wake the round's listeners and the runs that its entries ended. Raises TemporalAway."""

    async def wake_listener(run: RunWake) -> None:
        try:
            await wake(client, run.journey, run.run_id, run.visit)
        except RPCError as error:
            round_.refuse(run.event_id, run.contact_id, error)

    async def wake_ended(run_id: UUID, journey: str) -> None:
        try:
            await wake(client, journey, run_id, 0)
        except RPCError as error:
            raise TemporalAway(error.message) from None

    await run_all(
        [
            *(wake_listener(run) for run in round_.wakes.values()),
            *(wake_ended(run_id, journey) for run_id, journey in round_.stops.items()),
        ]
    )

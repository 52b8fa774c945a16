"""Events dispatched to the entries of journeys, without workers and without Temporal."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.entries import admit_entries, consider_entries
from dispatch.shares import Considered, EventWork
from store.definitions.catalog import Catalog
from store.events.outbox import OutboxEvent
from store.segments.segment_conditions import read_revision

_OUTBOX = """
select e.id, e.contact_id, e.name, e.properties, e.run_id, e.depth, o.attempts, e.stamped_at,
       e.occurred_at, null, null, null
from outbox o join event e on e.id = o.event_id order by e.id
"""


async def admit_all(pool: AsyncConnectionPool[AsyncConnection[Any]], catalog: Catalog) -> None:
    """Begin or refuse the runs of all events that are to be dispatched, as a round does."""
    async with pool.connection() as conn, conn.transaction():
        cursor = await conn.execute(_OUTBOX)
        events = [OutboxEvent(*row) for row in await cursor.fetchall()]
        active = await catalog.active(conn, await read_revision(conn))
        found = await consider_entries(conn, active, events, None)
        works = [
            EventWork(event, [], considered.matches, considered.broken, None)
            for event in events
            for considered in [found.get(event.id, Considered())]
        ]
        await admit_entries(conn, catalog, works, None)
        await conn.execute("delete from outbox")

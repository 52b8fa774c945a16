"""Events that one run alone sees."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from store.contacts.rows import lock_and_read_contacts
from store.events.recording import ConcurrentChange, NewEvent, record_events


class RunEnded(Exception):
    """The run has ended: nobody would see the event."""


async def record_run_event(
    conn: AsyncConnection[Any],
    run_id: UUID,
    name: str,
    properties: dict[str, Any],
    message_id: str | None,
) -> int:
    """Store an event of the run's contact that only this run sees, and that starts none; its id.

    Raises LookupError without such a run, RunEnded, store.events.effects.EffectRefused, and
    store.events.recording.ConcurrentChange if the run's contact is being merged.
    """
    cursor = await conn.execute("select contact_id from run where id = %s", (run_id,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(run_id)
    if not await lock_and_read_contacts(conn, ids=[row[0]]):
        raise ConcurrentChange
    # Read again: a merge may have moved the run while its contact was waited for.
    cursor = await conn.execute(
        "select state from run where id = %s and contact_id = %s", (run_id, row[0])
    )
    state = await cursor.fetchone()
    if state is None:
        raise ConcurrentChange
    if state[0] != "active":
        raise RunEnded
    event = NewEvent(name, properties, message_id=message_id, run_id=run_id)
    [event_id] = await record_events(conn, row[0], [event])
    return event_id

"""Events that a single run sees."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from store.contacts.rows import lock_and_read_contacts
from store.events.recording import (
    ConcurrentChange,
    NewEvent,
    record_events,
    refuse_engine_event,
)
from store.sql import Connection, fetch_value, statement
from store.tables.runs import Run

_CONTACT_OF_RUN = statement(select(col(Run.contact_id)).where(col(Run.id) == bindparam("run")))
_STATE_OF_RUN = statement(
    select(col(Run.state)).where(
        col(Run.id) == bindparam("run"), col(Run.contact_id) == bindparam("contact")
    )
)


class RunEnded(Exception):
    """The run has ended, so that no run would see the event."""


async def record_run_event(
    conn: Connection,
    run_id: UUID,
    name: str,
    properties: dict[str, Any],
    message_id: str | None,
    *,
    source: str = "operate",
) -> int:
    """Record an event of the run's contact that only this run sees; its id. It starts no run.

    Raises LookupError if there is no such run, RunEnded, store.events.effects.EffectRefused, and
    store.events.recording.ConcurrentChange if the run's contact is being merged.
    """
    refuse_engine_event(name)
    contact_id = await fetch_value(conn, _CONTACT_OF_RUN, {"run": run_id})
    if contact_id is None:
        raise LookupError(run_id)
    if not await lock_and_read_contacts(conn, ids=[contact_id]):
        raise ConcurrentChange
    # Read again: a merge may have moved the run to another contact before the lock was granted.
    state = await fetch_value(conn, _STATE_OF_RUN, {"run": run_id, "contact": contact_id})
    if state is None:
        raise ConcurrentChange
    if state != "active":
        raise RunEnded
    event = NewEvent(name, properties, message_id=message_id, run_id=run_id, source=source)
    [event_id] = await record_events(conn, contact_id, [event])
    return event_id

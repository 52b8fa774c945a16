"""Runs that begin: inserted with the listeners of their exits and with their goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.goals.goal_rows import NewGoal, set_goals
from store.metrics import counter
from store.sql import Connection, fetch_all, sql
from store.waits.listeners import insert_listeners, listener_rows

_ENTRIES: Final = counter("parcours_entries")

_INSERT = sql("""
insert into run (id, journey, version, contact_id, key, entry_event_id, entry, entry_ref,
                 ref, depth, start_workflow, occurrence)
select id, journey, version, contact_id, key, entry_event_id, entry, ref, ref, depth,
       start_workflow, occurrence
from jsonb_to_recordset(%(runs)s) g(id uuid, journey text, version int, contact_id uuid,
    key text, entry_event_id bigint, entry jsonb, ref bigint, depth smallint,
    start_workflow boolean, occurrence timestamptz)
returning id, started_at
""")


@dataclass(frozen=True)
class NewRun:
    """A run that is to be inserted."""

    id: UUID
    definition: Definition
    contact_id: UUID
    timezone: str | None
    """The contact's."""
    key: str
    entry: dict[str, Any]
    entry_event_id: int | None
    ref: int
    """Its exits, its goal and its first wait count events with a higher id."""
    depth: int
    start_workflow: bool
    occurrence: datetime | None = None
    """The occurrence of the schedule that begins it."""


async def insert_runs(conn: Connection, runs: Sequence[NewRun]) -> None:
    """Insert runs with the listeners of their exits and with their goals."""
    if not runs:
        return
    rows = [
        {
            "id": str(run.id),
            "journey": run.definition.key,
            "version": run.definition.version,
            "contact_id": str(run.contact_id),
            "key": run.key,
            "entry_event_id": run.entry_event_id,
            "entry": run.entry,
            "ref": run.ref,
            "depth": run.depth,
            "start_workflow": run.start_workflow,
            "occurrence": None if run.occurrence is None else run.occurrence.isoformat(),
        }
        for run in runs
    ]
    started = dict(await fetch_all(conn, _INSERT, {"runs": Jsonb(rows)}))
    _ENTRIES.inc(len(started))
    goals = []
    listeners: list[dict[str, Any]] = []
    for run in runs:
        definition = run.definition
        if definition.exits is not None:
            listeners += listener_rows(
                definition.exits,
                run_id=run.id,
                visit=0,
                contact_id=run.contact_id,
                ref=run.ref,
                entry=run.entry,
            )
        if definition.goal is not None:
            goals.append(
                NewGoal(
                    query=definition.goal,
                    run_id=run.id,
                    journey=definition.key,
                    contact_id=run.contact_id,
                    entry=run.entry,
                    ref=run.ref,
                    started_at=started[run.id],
                    zone=zone_of(run.timezone, definition.journey.timezone),
                )
            )
    if listeners:
        await insert_listeners(conn, listeners)
    if goals:
        await set_goals(conn, goals)

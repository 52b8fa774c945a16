"""Admission of entries that were kept: their journey goes on, and their `if` is judged again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from journeys.model.entry_events import EventfulEntry, subjects_of
from journeys.model.entry_rules import KEPT_FOR, is_too_late, key_of_event
from journeys.model.reasons import RefusalReason
from journeys.time.zones import zone_of
from store.conditions import evaluate_entries
from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog, Definition
from store.definitions.journeys import journey_version
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter
from store.entries.kept_entries import NewKeptEntry, take_kept
from store.sql import Connection, fetch_one_as, sql

# A newer run of the same key has taken the place of what was kept.
_READ = sql("""
select e.name, e.properties, e.depth, e.stamped_at, c.timezone, parcours.clock() as now,
       exists (select from run r where r.journey = %(journey)s and r.contact_id = e.contact_id
               and r.key = %(key)s and r.entry_event_id > e.id) as overtaken
from event e join contact c on c.id = e.contact_id
where e.id = %(event)s and e.contact_id = %(contact)s
""")


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    properties: dict[str, Any]
    depth: int
    stamped_at: datetime
    timezone: str | None
    now: datetime
    overtaken: bool


async def admit_kept(
    conn: Connection, catalog: Catalog, entry: NewKeptEntry
) -> AdmittedEntry | RefusedEntry | None:
    """Begin the run of a kept entry, or refuse it, in the caller's transaction.

    None if it is gone. While its journey is paused it stays kept, for a week after its event.
    """
    await lock_contacts(conn, [entry.contact_id])
    if not await take_kept(conn, entry):
        return None
    event = await fetch_one_as(
        conn,
        _Event,
        _READ,
        {
            "journey": entry.journey,
            "key": entry.key,
            "event": entry.event_id,
            "contact": entry.contact_id,
        },
    )
    version = await journey_version(conn, entry.journey)
    if event is None or not version:
        return None
    definition = await catalog.definition(conn, entry.journey, version)
    matching = await _matching(conn, definition, entry, event)
    refusal: RefusalReason | None = None
    zone = zone_of(event.timezone, definition.journey.timezone)
    if is_too_late(KEPT_FOR, at=event.stamped_at, now=event.now, zone=zone):
        refusal = "late"
    elif event.overtaken:
        refusal = "paused"
    elif matching is None:
        refusal = "if"
    request = EntryRequest(
        contact_id=entry.contact_id,
        key=entry.key if matching is None else key_of_event(matching, event.properties),
        properties=event.properties,
        event_id=entry.event_id,
        depth=event.depth,
        start_workflow=True,
        refusal=refusal,
    )
    return await enter(conn, catalog, definition, request)


async def _matching(
    conn: Connection, definition: Definition, entry: NewKeptEntry, event: _Event
) -> EventfulEntry | None:
    """The first entry whose `where` and `if` let the event in now; None if none does."""
    subjects = subjects_of(event.name, event.properties)
    candidate: tuple[int, UUID] = (entry.event_id, entry.contact_id)
    for each, trigger in definition.entries.get(event.name, []):
        if not trigger.concerns(subjects):
            continue
        where, condition = definition.compiled.entry(each)
        if where is None and condition is None:
            return each
        if await evaluate_entries(conn, [candidate], condition, where):
            return each
    return None

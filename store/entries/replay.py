"""Replay of refused entries: the journey that refused an event takes it after all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, update
from sqlmodel import col

from journeys.model.entry_events import subjects_of
from journeys.model.entry_kinds import eventful
from journeys.model.entry_rules import is_late, key_of_start
from journeys.model.journey import Journey
from journeys.time.zones import zone_of
from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog
from store.definitions.journeys import journey_version
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter
from store.sql import Connection, execute, fetch_all, fetch_one_as, sql, statement
from store.tables.runs import Refusal

_READ = sql("""
select f.contact_id, f.replayed_at, e.name, e.properties, e.depth, e.occurred_at, e.stamped_at,
       c.timezone
from refusal f
join event e on e.id = f.event_id
join contact c on c.id = f.contact_id
where f.event_id = %(event)s and f.journey = %(journey)s
""")
_MARK = statement(
    update(Refusal)
    .where(
        col(Refusal.event_id) == bindparam("event"),
        col(Refusal.journey) == bindparam("for_journey"),
        col(Refusal.replayed_at).is_(None),
    )
    .values(replayed_at=func.parcours.clock())
)


_CHOOSE = sql("""
select f.refused_at, f.event_id from refusal f join event e on e.id = f.event_id
where f.journey = %(journey)s and f.code = %(code)s and f.replayed_at is null
  and f.refused_at >= coalesce(%(since)s::timestamptz, '-infinity')
  and (f.refused_at, f.event_id)
    > (coalesce(%(after_at)s::timestamptz, '-infinity'), %(after)s::bigint)
order by f.refused_at, f.event_id limit %(limit)s
""")


class ReplayedBefore(Exception):
    """The entry was replayed before."""


@dataclass(frozen=True, slots=True)
class _Refused:
    contact_id: UUID
    replayed_at: datetime | None
    name: str
    properties: dict[str, Any]
    depth: int
    occurred_at: datetime
    stamped_at: datetime
    timezone: str | None


async def replay_entry(
    conn: Connection, catalog: Catalog, event_id: int, journey: str, *, ignore_age: bool
) -> AdmittedEntry | RefusedEntry:
    """Enter a journey by an event that it refused, within the caller's transaction.

    No other journey sees the event again. `ignore_age` lets it be older than the entry's `max_age`.
    The caller rolls back if it is refused once more. Raises LookupError if there is no such
    refusal, and ReplayedBefore.
    """
    found = await fetch_one_as(conn, _Refused, _READ, {"event": event_id, "journey": journey})
    version = await journey_version(conn, journey)
    if found is None or version is None:
        raise LookupError(journey)
    await lock_contacts(conn, [found.contact_id])
    if await execute(conn, _MARK, {"event": event_id, "for_journey": journey}) != 1:
        raise ReplayedBefore
    if not version:
        return RefusedEntry("draft")
    definition = await catalog.definition(conn, journey, version)
    request = EntryRequest(
        contact_id=found.contact_id,
        key=key_of_start(definition.journey, found.properties),
        properties=found.properties,
        event_id=event_id,
        depth=found.depth,
        start_workflow=True,
        late=not ignore_age and _is_late(definition.journey, found),
    )
    return await enter(conn, catalog, definition, request)


async def choose_refusals(
    conn: Connection,
    journey: str,
    code: str,
    *,
    since: datetime | None,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[tuple[datetime, int]]:
    """The events whose entry a journey refused for this reason and that were not replayed, the
    oldest first, each with when it was refused."""
    at, event = after or (None, 0)
    wanted = {"journey": journey, "code": code, "since": since, "limit": limit}
    rows = await fetch_all(conn, _CHOOSE, wanted | {"after_at": at, "after": event})
    return [(refused_at, event_id) for refused_at, event_id in rows]


def _is_late(journey: Journey, event: _Refused) -> bool:
    zone = zone_of(event.timezone, journey.timezone)
    subjects = subjects_of(event.name, event.properties)
    entries = [
        entry
        for entry, trigger in eventful(journey.entry)
        if trigger.event == event.name and trigger.concerns(subjects)
    ]
    return bool(entries) and all(
        is_late(entry, occurred_at=event.occurred_at, arrived_at=event.stamped_at, zone=zone)
        for entry in entries
    )

"""Next moments of date entries: a row per contact, journey and entry.

The writer has locked the contact. A row says from what date its moment was worked out, so that one
whose date has changed since is recognised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from journeys.schedule.date_moments import DateMoment
from journeys.time.zones import zone_of
from store.contacts.rows import lock_contacts
from store.dates.live_journeys import LiveJourney
from store.definitions.catalog import Definition
from store.definitions.timed_entries import DatedEntry
from store.sql import Connection, execute, fetch_all, fetch_column, sql

_AFTER: Final = timedelta(microseconds=1)
_NEXT_CONTACTS = sql("""
select id from contact where %(after)s::uuid is null or id > %(after)s::uuid
order by id limit %(limit)s
""")
_READ_CONTACTS = sql("""
select c.id, c.timezone,
       (select jsonb_object_agg(n, c.attributes -> n) from unnest(%(names)s::text[]) n
        where c.attributes ? n)
from contact c where c.id = any(%(ids)s)
""")
# A contact that was changed since the version went live may have got its date in this time.
_READ_NEW_DATES = sql("""
select c.id, greatest(c.created_at, (
    select max(e.stamped_at) from event e
    where e.contact_id = c.id and e.name = 'Contact Changed' and e.occurred_at >= %(since)s
      and e.properties -> 'names' ?| %(names)s::text[]
))
from contact c where c.id = any(%(ids)s) and c.updated_at >= %(since)s
""")
_READ_ROWS = sql("""
select contact_id, slot, due_at, since, value from date_entry
where contact_id = any(%(ids)s) and journey = %(journey)s
""")
_WRITE = sql("""
insert into date_entry as d (contact_id, journey, slot, due_at, since, value, look_at)
select g.contact_id, %(journey)s, g.slot, g.due_at, g.since, g.value, g.due_at
from unnest(%(contacts)s::uuid[], %(slots)s::smallint[], %(due)s::timestamptz[],
            %(since)s::timestamptz[], %(values)s::text[]) g(contact_id, slot, due_at, since, value)
on conflict (contact_id, journey, slot) do update
set due_at = excluded.due_at, since = excluded.since, value = excluded.value,
    look_at = excluded.look_at, attempts = 0
""")
_REMOVE = sql("""
delete from date_entry d
using unnest(%(contacts)s::uuid[], %(slots)s::smallint[]) g(contact_id, slot)
where d.contact_id = g.contact_id and d.journey = %(journey)s and d.slot = g.slot
""")


@dataclass(frozen=True, slots=True)
class DateRow:
    """The next moment of a contact by one entry."""

    contact_id: UUID
    slot: int
    due_at: datetime
    since: datetime
    """Moments before it never enter."""
    value: str
    """The date, as JSON."""

    @property
    def place(self) -> tuple[UUID, int]:
        """What makes it unique within its journey."""
        return self.contact_id, self.slot


def watched_names(definition: Definition) -> frozenset[str]:
    """The attributes that the dates of a version are read from."""
    paths = [each.rule.attribute for each in definition.timed.dates]
    return frozenset(
        name for path in paths if path is not None for name in (path, path.partition(".")[0])
    )


def written(value: object) -> str:
    """A date as rows keep it."""
    return orjson.dumps(value).decode()


def plan(
    definition: Definition,
    live: LiveJourney,
    entry: DatedEntry,
    *,
    value: object,
    timezone: str | None,
    row: DateRow | None,
    since: datetime | None,
) -> tuple[DateMoment, datetime] | None:
    """The next moment of a contact by an entry, and from when on moments count; None without one.

    `row` is what is known of it, `since` when the date changed, if it did. A date that has changed
    unnoticed counts from now on, until the event of the change says since when.
    """
    if since is None:
        known = row is not None and row.value == written(value)
        since = row.since if row is not None and known else live.now
    since = max(since, live.live_since)
    zone = zone_of(timezone, definition.journey.timezone)
    moment = entry.rule.next(value, zone, since)
    if moment is None:
        return None
    if moment.at < live.version_since and (row is None or moment.at != row.due_at):
        # The version makes it a moment; it was none while it could have come.
        moment = entry.rule.next(value, zone, live.version_since)
    return None if moment is None else (moment, since)


async def plan_dates(
    conn: Connection,
    definition: Definition,
    live: LiveJourney,
    changed: Mapping[UUID, datetime | None],
) -> None:
    """Work out and store the next moments of contacts, locking them; unknown ones are left out.

    `changed` says when the dates of each contact changed; None: they did not, but its zone may
    have, or the version.
    """
    await lock_contacts(conn, list(changed))
    ids = list(changed)
    names = sorted(watched_names(definition))
    contacts = await fetch_all(conn, _READ_CONTACTS, {"ids": ids, "names": names})
    rows = await read_rows(conn, definition.key, ids)
    wanted: list[DateRow] = []
    for contact_id, timezone, attributes in contacts:
        for entry in definition.timed.dates:
            value = entry.rule.value_of(attributes or {})
            planned = plan(
                definition,
                live,
                entry,
                value=value,
                timezone=timezone,
                row=rows.get((contact_id, entry.slot)),
                since=changed[contact_id],
            )
            if planned is not None:
                moment, since = planned
                wanted.append(DateRow(contact_id, entry.slot, moment.at, since, written(value)))
    places = {row.place for row in wanted}
    await remove_rows(conn, definition.key, [place for place in rows if place not in places])
    await write_rows(conn, definition.key, [row for row in wanted if rows.get(row.place) != row])


async def next_contacts(conn: Connection, after: UUID | None, limit: int) -> list[UUID]:
    """The next contacts, by id beyond `after`."""
    return await fetch_column(conn, _NEXT_CONTACTS, {"after": after, "limit": limit})


async def plan_contacts(
    conn: Connection, definition: Definition, live: LiveJourney, contact_ids: Sequence[UUID]
) -> None:
    """`plan_dates` for contacts when the version has gone live."""
    ids = list(contact_ids)
    await lock_contacts(conn, ids)
    known = {contact_id for contact_id, _ in await read_rows(conn, definition.key, ids)}
    changed: dict[UUID, datetime | None] = {
        each: None if each in known else live.version_since for each in ids
    }
    wanted = {"ids": ids, "since": live.version_since, "names": sorted(watched_names(definition))}
    for contact_id, at in await fetch_all(conn, _READ_NEW_DATES, wanted):
        if contact_id not in known:
            changed[contact_id] = max(at, live.version_since)
    await plan_dates(conn, definition, live, changed)


async def read_rows(
    conn: Connection, journey: str, contact_ids: Sequence[UUID]
) -> dict[tuple[UUID, int], DateRow]:
    """The rows of contacts, by contact and entry."""
    rows = await fetch_all(conn, _READ_ROWS, {"ids": list(contact_ids), "journey": journey})
    return {(row[0], row[1]): DateRow(*row) for row in rows}


async def write_rows(conn: Connection, journey: str, rows: Sequence[DateRow]) -> None:
    """Store next moments; their contacts are locked."""
    if not rows:
        return
    columns: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        columns["contacts"].append(row.contact_id)
        columns["slots"].append(row.slot)
        columns["due"].append(row.due_at)
        columns["since"].append(row.since)
        columns["values"].append(row.value)
    await execute(conn, _WRITE, {**columns, "journey": journey})


async def remove_rows(conn: Connection, journey: str, places: Iterable[tuple[UUID, int]]) -> None:
    """Remove the moments of contacts that have none left."""
    gone = list(places)
    if gone:
        contacts, slots = zip(*gone, strict=True)
        wanted = {"contacts": list(contacts), "slots": list(slots), "journey": journey}
        await execute(conn, _REMOVE, wanted)


def following(
    definition: Definition, entry: DatedEntry, row: DateRow, value: object, timezone: str | None
) -> DateRow | None:
    """The row after the moment of this one came; None if no other comes."""
    since = row.due_at + _AFTER
    zone = zone_of(timezone, definition.journey.timezone)
    moment = entry.rule.next(value, zone, since)
    if moment is None:
        return None
    return DateRow(row.contact_id, row.slot, moment.at, since, row.value)

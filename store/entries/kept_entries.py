"""Entries that came while their journey was paused and come in once it goes on (`keep`).

Of one key the newest event is kept, because a contact has one active run for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from store.entries.refusals import NewRefusal
from store.sql import Connection, execute, fetch_all, fetch_all_as, fetch_value, sql

# Contacts are locked, so no other writes for the same key. The first part reads what was kept.
_KEEP = sql("""
with given as (
    select * from unnest(%(journeys)s::text[], %(contacts)s::uuid[], %(keys)s::text[],
                         %(events)s::bigint[]) g(journey, contact_id, key, event_id)
), replaced as (
    select g.journey, g.contact_id, g.key, least(k.event_id, g.event_id) as event_id
    from given g
    join kept_entry k on k.contact_id = g.contact_id and k.journey = g.journey and k.key = g.key
    where k.event_id <> g.event_id
), written as (
    insert into kept_entry as kept (journey, contact_id, key, event_id)
    select g.* from given g join contact c on c.id = g.contact_id
    on conflict (contact_id, journey, key) do update
    set event_id = greatest(kept.event_id, excluded.event_id), kept_at = parcours.clock()
)
select journey, contact_id, key, event_id from replaced
""")
_NEXT = sql("""
select journey, contact_id, key, event_id from kept_entry
where journey = %(journey)s and event_id > %(after)s
order by event_id limit %(limit)s
""")
_COUNT = sql("select count(*) from kept_entry where journey = %(journey)s")
_TAKE = sql("""
delete from kept_entry
where contact_id = %(contact)s and journey = %(journey)s and key = %(key)s
  and event_id = %(event)s
""")
_FORGET = sql("""
delete from kept_entry
where contact_id = %(contact)s and (%(journey)s::text is null or journey = %(journey)s::text)
""")
# Of journeys that were paused, went on, and whose job has not seen them.
_OVERLOOKED = sql("""
select k.journey, k.contact_id, k.key, k.event_id
from kept_entry k join journey j on j.key = k.journey
where j.state <> 'paused' and k.kept_at < parcours.clock() - interval '10 seconds'
  and not exists (
      select from job o where o.journey = k.journey and o.kind = 'resume' and o.state = 'running')
   or k.kept_at < parcours.clock() - interval '8 days'
order by k.kept_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class NewKeptEntry:
    """An entry that is kept."""

    journey: str
    contact_id: UUID
    key: str
    event_id: int


async def keep_entries(conn: Connection, kept: Sequence[NewKeptEntry]) -> list[NewRefusal]:
    """Keep entries; the caller has locked their contacts.

    Returns those that others of the same key replace, which are refused.
    """
    if not kept:
        return []
    rows = await fetch_all(
        conn,
        _KEEP,
        {
            "journeys": [each.journey for each in kept],
            "contacts": [each.contact_id for each in kept],
            "keys": [each.key for each in kept],
            "events": [each.event_id for each in kept],
        },
    )
    return [
        NewRefusal(journey, contact_id, key, event_id, "paused")
        for journey, contact_id, key, event_id in rows
    ]


async def next_kept(conn: Connection, journey: str, after: int, limit: int) -> list[NewKeptEntry]:
    """The next kept entries of a journey, in the order of their events, beyond `after`."""
    return await fetch_all_as(
        conn, NewKeptEntry, _NEXT, {"journey": journey, "after": after, "limit": limit}
    )


async def overlooked_entries(conn: Connection, limit: int) -> list[NewKeptEntry]:
    """Kept entries that no job will admit, and those that are too old to come in."""
    return await fetch_all_as(conn, NewKeptEntry, _OVERLOOKED, {"limit": limit})


async def count_kept(conn: Connection, journey: str) -> int:
    """How many entries of a journey are kept."""
    return int(await fetch_value(conn, _COUNT, {"journey": journey}))


async def take_kept(conn: Connection, entry: NewKeptEntry) -> bool:
    """Remove a kept entry in the transaction that decides about it; False if it is gone."""
    taken = await execute(
        conn,
        _TAKE,
        {
            "contact": entry.contact_id,
            "journey": entry.journey,
            "key": entry.key,
            "event": entry.event_id,
        },
    )
    return taken == 1


async def forget_kept(conn: Connection, contact_id: UUID, journey: str | None) -> int:
    """Remove a contact's kept entries, of one journey or of all; how many there were."""
    return await execute(conn, _FORGET, {"contact": contact_id, "journey": journey})

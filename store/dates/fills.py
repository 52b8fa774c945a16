"""Journeys with entries by date whose moments are still to be set for all contacts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from store.operations.jobs import JobRow
from store.sql import Connection, execute, fetch_all, sql

_NEEDED = sql("""
select j.key, a.id, f.id,
       (select greatest(reltuples, 0)::bigint from pg_class where oid = 'contact'::regclass)
from journey j
join journey_version v on v.journey = j.key and v.version = j.active_version
left join lateral (
    select id, version from activation where journey = j.key order by id desc limit 1
) a on true
left join lateral (
    -- While it could not be read, contacts may have changed their dates unnoticed.
    select id, happened_at from fault
    where subject = 'journey ' || j.key || ' v' || j.active_version and code = 'broken_document'
    order by happened_at desc limit 1
) f on true
where (%(journey)s::text is null or j.key = %(journey)s::text)
  and j.state in ('active', 'paused') and v.document @? '$.entry[*].date'
  and not exists (
      select from job where kind = 'dates' and journey = j.key
      and plan ->> 'activation' = coalesce(a.id, 0)::text
      and (f.id is null or started_at >= f.happened_at or (state = 'running' and after is null))
  )
order by j.key
""")
# A page that is worked through twice finds another `after` the second time, and counts once.
_PROGRESS = sql("""
update job set after = %(after)s, done = done + %(done)s, failed = failed + %(failed)s
where id = %(job)s and after is not distinct from %(previous)s
""")


@dataclass(frozen=True)
class NeededFill:
    """A live journey whose moments are to be set for all contacts."""

    journey: str
    activation: int
    """0 for a journey that was written without one."""
    fault: int
    """Since which it could not be read for a time; 0: it always could."""
    contacts: int
    """About how many there are."""


async def needed_fills(conn: Connection, journey: str | None = None) -> list[NeededFill]:
    """Live journeys whose activation, or whose repair, has no job yet."""
    rows = await fetch_all(conn, _NEEDED, {"journey": journey})
    return [
        NeededFill(key, activation or 0, fault or 0, contacts)
        for key, activation, fault, contacts in rows
    ]


async def record_fill_progress(
    conn: Connection, job: JobRow, *, after: UUID, done: int, failed: int
) -> bool:
    """Record that the contacts up to one have their moments; False if it was recorded before."""
    changed = await execute(
        conn,
        _PROGRESS,
        {"job": job.id, "previous": job.after, "after": after, "done": done, "failed": failed},
    )
    return changed > 0

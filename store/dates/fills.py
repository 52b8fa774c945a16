"""Journeys with entries by date whose moments are still to be set for all contacts."""

from __future__ import annotations

from uuid import UUID

from store.operations.jobs import JobRow
from store.sql import Connection, execute, fetch_all, sql

_NEEDED = sql("""
select j.key, a.id,
       (select greatest(reltuples, 0)::bigint from pg_class where oid = 'contact'::regclass)
from journey j
join journey_version v on v.journey = j.key and v.version = j.active_version
left join lateral (
    select id, version from activation where journey = j.key order by id desc limit 1
) a on true
where (%(journey)s::text is null or j.key = %(journey)s::text)
  and j.state in ('active', 'paused') and v.document @? '$.entry[*].date'
  and not exists (
      select from job where kind = 'dates' and journey = j.key
      and plan ->> 'activation' = coalesce(a.id, 0)::text
  )
order by j.key
""")
# A page that is worked through twice finds another `after` the second time, and counts once.
_PROGRESS = sql("""
update job set after = %(after)s, done = done + %(done)s, failed = failed + %(failed)s
where id = %(job)s and after is not distinct from %(previous)s
""")


async def needed_fills(conn: Connection, journey: str | None = None) -> list[tuple[str, int, int]]:
    """Live journeys whose activation has no job yet, with it and about how many contacts exist.

    The activation is 0 for a journey that was written without one.
    """
    rows = await fetch_all(conn, _NEEDED, {"journey": journey})
    return [(key, activation or 0, total) for key, activation, total in rows]


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

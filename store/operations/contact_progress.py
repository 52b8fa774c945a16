"""Progress of jobs that work through all contacts, in the order of their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from store.operations.jobs import JobRow
from store.sql import Connection, execute, fetch_column, fetch_value, sql

_FIRST: Final = UUID(int=0)
_CONTACTS = sql("""
select id from contact where id > %(after)s order by id limit %(limit)s
""")
_COUNT = sql("""
update job set total = (select count(*) from contact)
where id = %(job)s and after is null and total = 0 returning total
""")
# A page may be worked through twice, by two attempts of its activity, in one transaction each. The
# first to commit counts.
_RECORD = sql("""
update job set after = %(after)s, done = done + %(done)s, failed = failed + %(failed)s,
       moved = moved + %(moved)s, result = coalesce(%(result)s, result)
where id = %(job)s and state = 'running' and after is not distinct from %(previous)s
""")
_RESULT = sql("select result from job where id = %(job)s")


async def contacts_after(conn: Connection, after: UUID | None, limit: int) -> list[UUID]:
    """The next contacts in the order of their ids."""
    return await fetch_column(conn, _CONTACTS, {"after": after or _FIRST, "limit": limit})


async def count_contacts_of_job(conn: Connection, job_id: UUID) -> None:
    """Record how many contacts there are, before the first page."""
    await execute(conn, _COUNT, {"job": job_id})


async def record_contacts(
    conn: Connection,
    job: JobRow,
    *,
    after: UUID,
    done: int,
    changed: int,
    failed: int,
    result: Mapping[str, int] | None = None,
) -> bool:
    """Record a page in its own transaction; False if another attempt has, or the job has ended.

    `changed`: what the page has changed; the job counts it as moved.
    """
    return bool(
        await execute(
            conn,
            _RECORD,
            {
                "job": job.id,
                "previous": job.after,
                "after": after,
                "done": done,
                "failed": failed,
                "moved": changed,
                "result": None if result is None else Jsonb(dict(result)),
            },
        )
    )


async def read_counts(conn: Connection, job_id: UUID) -> dict[str, int]:
    """What a job has counted so far, by name."""
    return dict(await fetch_value(conn, _RESULT, {"job": job_id}) or {})

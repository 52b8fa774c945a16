"""Progress of jobs that enter contacts, and what they have done so far."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.operations.jobs import JobRow
from store.sql import Connection, execute, sql

# A page may be worked through twice, by two attempts of its activity, in one transaction each. The
# first to commit counts, and the other is rolled back.
_RECORD = sql("""
update job set after = %(after)s, done = done + %(done)s, failed = failed + %(failed)s,
       result = %(result)s
where id = %(job)s and state = 'running' and after is not distinct from %(previous)s
""")
_TOTAL = sql("update job set total = %(total)s where id = %(job)s and after is null")


async def record_entries(
    conn: Connection,
    job: JobRow,
    *,
    after: UUID,
    done: int,
    failed: int,
    result: dict[str, Any],
) -> bool:
    """Record a page in its own transaction; False if another attempt has, or the job has ended."""
    changed = await execute(
        conn,
        _RECORD,
        {
            "job": job.id,
            "previous": job.after,
            "after": after,
            "done": done,
            "failed": failed,
            "result": Jsonb(result),
        },
    )
    return changed == 1


async def record_total(conn: Connection, job_id: UUID, total: int) -> None:
    """Record how many contacts are looked at, before the first page."""
    await execute(conn, _TOTAL, {"job": job_id, "total": total})

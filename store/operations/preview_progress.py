"""Jobs that preview a move: what they are to preview, and what they have found so far."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from store.operations.jobs import JobRow
from store.sql import Connection, execute, fetch_one, fetch_value, sql

_KEPT: Final = "7 days"
_RUNNING = sql("""
select id from job where journey = %(journey)s and kind = 'preview' and state = 'running'
  and version = %(version)s and plan = %(plan)s
order by started_at desc limit 1
""")
_INSERT = sql("""
insert into job (id, kind, journey, version, plan, planned, result, total)
values (%(id)s, 'preview', %(journey)s, %(version)s, %(plan)s, %(planned)s, '{}', %(total)s)
""")
_REMOVE_OLD = sql("""
delete from job where journey = %(journey)s and kind = 'preview' and state <> 'running'
  and ended_at < parcours.clock() - %(kept)s::interval
""")
_READ = sql("select planned, result from job where id = %(job)s")
_RECORD = sql("""
update job set after = %(after)s, result = %(result)s, done = done + %(done)s,
       kept = kept + %(failed)s, failed = failed + %(failed)s
where id = %(job)s and state = 'running' and after is not distinct from %(previous)s
""")
_SET_ASIDE = sql("""
insert into straggler (job_id, run_id, attempts, code)
select %(job)s, f.run_id, 1, f.code
from unnest(%(runs)s::uuid[], %(codes)s::text[]) f(run_id, code)
on conflict do nothing
""")


async def begin_preview(
    conn: Connection,
    journey: str,
    version: int,
    *,
    plan: dict[str, Any],
    planned: dict[str, Any] | None,
    total: int,
) -> UUID:
    """A job that previews this plan: one that is running, else one that is inserted.

    Previews of the journey that ended a week ago are removed.
    """
    asked = {"journey": journey, "version": version, "plan": Jsonb(plan)}
    running: UUID | None = await fetch_value(conn, _RUNNING, asked)
    if running is not None:
        return running
    job_id = uuid4()
    await execute(conn, _REMOVE_OLD, {"journey": journey, "kept": _KEPT})
    await execute(
        conn,
        _INSERT,
        {
            **asked,
            "id": job_id,
            "planned": None if planned is None else Jsonb(planned),
            "total": total,
        },
    )
    return job_id


async def read_preview(
    conn: Connection, job_id: UUID
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The version that a job previews, if it is not saved, and what the job has found so far."""
    row = await fetch_one(conn, _READ, {"job": job_id})
    return (None, {}) if row is None else (row[0], row[1] or {})


async def record_previewed(
    conn: Connection,
    job: JobRow,
    *,
    after: UUID,
    result: dict[str, Any],
    done: int,
    failed: dict[UUID, str],
) -> bool:
    """Record what was found for the runs up to `after`, and the codes of those that failed.

    False if the job is over, or if another attempt has recorded these runs.
    """
    async with conn.transaction():
        recorded = await execute(
            conn,
            _RECORD,
            {
                "job": job.id,
                "previous": job.after,
                "after": after,
                "result": Jsonb(result),
                "done": done,
                "failed": len(failed),
            },
        )
        if recorded and failed:
            await execute(
                conn,
                _SET_ASIDE,
                {"job": job.id, "runs": list(failed), "codes": list(failed.values())},
            )
    return recorded > 0

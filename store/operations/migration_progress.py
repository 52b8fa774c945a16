"""Progress of a job that moves runs to another version, and the runs that it still has to move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from store.operations.jobs import JobRow
from store.sql import Connection, execute, fetch_column, fetch_value, sql, statement
from store.tables.operations import Job, Straggler
from store.tables.runs import Run

_COUNT_RUNS = statement(
    select(func.count())
    .select_from(Run)
    .where(
        col(Run.journey) == bindparam("journey"),
        col(Run.state) == "active",
        col(Run.version) != bindparam("version"),
    )
)
_RUNS = sql("""
select id from run where journey = %(journey)s and state = 'active'
and version <> %(version)s and (%(after)s::uuid is null or id > %(after)s::uuid)
order by id limit %(limit)s
""")
_ADD_STRAGGLERS = sql("""
insert into straggler (job_id, run_id) select %(job)s, unnest(%(runs)s::uuid[])
on conflict do nothing
""")
# A page may be worked through twice, by two attempts of its activity. Only the first of them finds
# `after` unchanged, so the page is counted once.
_FINISH_PAGE = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.after).is_not_distinct_from(bindparam("previous_after")),
    )
    .values(
        after=bindparam("after"),
        kept=col(Job.kept) + bindparam("page_kept"),
        done=col(Job.done) + bindparam("page_done"),
    )
)
_NEXT_STRAGGLERS = sql("""
with next as (
    select run_id from straggler where job_id = %(job)s and code is null
    order by tried_at, run_id limit %(limit)s
)
update straggler s set tried_at = parcours.clock() from next
where s.job_id = %(job)s and s.run_id = next.run_id returning s.run_id
""")
_FINISH_STRAGGLERS = sql("""
with removed as (
    delete from straggler where job_id = %(job)s and run_id = any(%(all)s)
    returning run_id
), counted as (
    select count(*) as total, count(*) filter (where run_id = any(%(kept)s)) as kept
    from removed
)
update job set kept = job.kept + counted.kept, done = job.done + counted.total
from counted where id = %(job)s
""")
_COUNT_STRAGGLERS = statement(
    select(func.count())
    .select_from(Straggler)
    .where(col(Straggler.job_id) == bindparam("job"), col(Straggler.code).is_(None))
)
# A run that has failed too often is set aside: its job goes on and ends without it.
_RECORD_FAILURES = sql("""
with failed as (
    update straggler s set attempts = least(s.attempts + 1, 30000), tried_at = parcours.clock(),
           code = case when s.attempts + 1 >= %(tries)s then f.code end
    from unnest(%(runs)s::uuid[], %(codes)s::text[]) f(run_id, code)
    where s.job_id = %(job)s and s.run_id = f.run_id and s.code is null
    returning s.code
), aside as (
    select count(code) as total from failed
)
update job set kept = job.kept + aside.total, failed = job.failed + aside.total,
       done = job.done + aside.total
from aside where id = %(job)s
""")


async def count_runs_to_migrate(conn: Connection, journey: str, version: int) -> int:
    """The number of active runs of a journey whose version is another one."""
    count = await fetch_value(conn, _COUNT_RUNS, {"journey": journey, "version": version})
    return int(count)


async def runs_to_migrate(
    conn: Connection, journey: str, version: int, after: UUID | None, limit: int
) -> list[UUID]:
    """The active runs of a journey whose version is another one, by id beyond `after`."""
    page = {"journey": journey, "version": version, "after": after, "limit": limit}
    return await fetch_column(conn, _RUNS, page)


async def finish_page(
    conn: Connection,
    job: JobRow,
    *,
    after: UUID,
    stragglers: Sequence[UUID],
    kept: int,
    ended: int,
) -> None:
    """Record that the job has worked through the runs up to `after`. The first record counts."""
    async with conn.transaction():
        await execute(conn, _ADD_STRAGGLERS, {"job": job.id, "runs": list(stragglers)})
        await execute(
            conn,
            _FINISH_PAGE,
            {
                "job": job.id,
                "previous_after": job.after,
                "after": after,
                "page_kept": kept,
                "page_done": kept + ended,
            },
        )


async def stragglers(conn: Connection, job_id: UUID, limit: int) -> list[UUID]:
    """The next runs that were at work or failed when last tried, the longest ago first."""
    return await fetch_column(conn, _NEXT_STRAGGLERS, {"job": job_id, "limit": limit})


async def finish_stragglers(
    conn: Connection, job_id: UUID, *, kept: Sequence[UUID], ended: Sequence[UUID]
) -> None:
    """Remove stragglers that keep their version or have ended; each is counted once."""
    await execute(
        conn,
        _FINISH_STRAGGLERS,
        {"job": job_id, "all": [*kept, *ended], "kept": list(kept)},
    )


async def record_failures(
    conn: Connection, job_id: UUID, failures: Mapping[UUID, str], *, tries: int
) -> None:
    """Count a failed try of stragglers, each with its code; one with so many is set aside."""
    if failures:
        runs, codes = list(failures), list(failures.values())
        await execute(
            conn,
            _RECORD_FAILURES,
            {"job": job_id, "runs": runs, "codes": codes, "tries": tries},
        )


async def count_stragglers(conn: Connection, job_id: UUID) -> int:
    """The number of runs that the job still has to move."""
    return int(await fetch_value(conn, _COUNT_STRAGGLERS, {"job": job_id}))

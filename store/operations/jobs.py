"""Jobs: what long work on many runs is about, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Kind = Literal["move", "resume"]
State = Literal["running", "done", "superseded", "stopped"]


@dataclass(frozen=True)
class JobRow:
    """A job as it is kept."""

    id: UUID
    kind: Kind
    journey: str
    version: int | None
    state: State
    plan: dict[str, Any]
    total: int
    done: int
    moved: int
    kept: int
    after: UUID | None
    reached: datetime | None
    spreading: bool
    started_at: datetime
    ended_at: datetime | None
    now: datetime

    @property
    def age(self) -> timedelta:
        """How long ago it began."""
        return self.now - self.started_at


_READ = """
select id, kind, journey, version, state, plan, total, done, moved, kept, after, reached, spreading,
       started_at, ended_at, parcours.clock() as now
from job
"""
_PAGE = """
where (%(journey)s::text is null or journey = %(journey)s::text)
  and (%(before)s::uuid is null or (started_at, id) < (
      select other.started_at, other.id from job other where other.id = %(before)s::uuid
  ))
order by started_at desc, id desc limit %(limit)s
"""


async def create_job(
    conn: AsyncConnection[Any],
    kind: Kind,
    journey: str,
    *,
    version: int | None = None,
    plan: dict[str, Any],
    total: int,
) -> UUID:
    """Begin a job within the caller's transaction; its workflow is to be started after it."""
    job_id = uuid4()
    await conn.execute(
        "insert into job (id, kind, journey, version, plan, total) values (%s, %s, %s, %s, %s, %s)",
        (job_id, kind, journey, version, Jsonb(plan), total),
    )
    return job_id


async def stop_older_jobs(conn: AsyncConnection[Any], kind: Kind, journey: str) -> None:
    """End the jobs of a kind that are at work on a journey: another act is in their place."""
    await conn.execute(
        "update job set state = 'superseded', ended_at = parcours.clock()"
        " where journey = %s and kind = %s and state = 'running'",
        (journey, kind),
    )


async def end_job(conn: AsyncConnection[Any], job_id: UUID, state: State) -> None:
    """End a job that runs. One that is done is through with what ended before it came by, too."""
    await conn.execute(
        """
        update job set state = %(state)s, ended_at = parcours.clock(),
               total = greatest(total, done),
               done = case when %(state)s = 'done' then greatest(total, done) else done end
        where id = %(job)s and state = 'running'
        """,
        {"state": state, "job": job_id},
    )


async def read_job(conn: AsyncConnection[Any], job_id: UUID) -> JobRow | None:
    """A job, if there is such a one."""
    async with conn.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(_READ + " where id = %s", (job_id,))
        return await cursor.fetchone()


async def list_jobs(
    conn: AsyncConnection[Any], journey: str | None, before: UUID | None, limit: int
) -> list[JobRow]:
    """Jobs, of a journey or of all, the newest first, those that began before another one."""
    async with conn.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(
            _READ + _PAGE,
            {"journey": journey, "before": before, "limit": limit},
        )
        return await cursor.fetchall()


async def running_jobs(conn: AsyncConnection[Any]) -> list[tuple[JobRow, bool]]:
    """Jobs that run, with whether their workflow was started."""
    cursor = await conn.execute(
        "select id, workflow_started_at is not null from job where state = 'running'"
        " order by started_at"
    )
    found = []
    for job_id, started in await cursor.fetchall():
        job = await read_job(conn, job_id)
        if job is not None:
            found.append((job, started))
    return found


async def job_started(conn: AsyncConnection[Any], job_id: UUID) -> None:
    """Note that Temporal has a job's workflow."""
    await conn.execute(
        "update job set workflow_started_at = parcours.clock()"
        " where id = %s and workflow_started_at is null",
        (job_id,),
    )


# ------------------------------------------------------------------------------------- moves


async def count_runs_to_migrate(conn: AsyncConnection[Any], journey: str, version: int) -> int:
    """Active runs of a journey that are of another version."""
    cursor = await conn.execute(
        "select count(*) from run where journey = %s and state = 'active' and version <> %s",
        (journey, version),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def runs_to_migrate(
    conn: AsyncConnection[Any], journey: str, version: int, after: UUID | None, limit: int
) -> list[UUID]:
    """Active runs of another version, by id beyond `after`."""
    cursor = await conn.execute(
        """
        select id from run where journey = %(journey)s and state = 'active'
        and version <> %(version)s and (%(after)s::uuid is null or id > %(after)s::uuid)
        order by id limit %(limit)s
        """,
        {"journey": journey, "version": version, "after": after, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]


async def finish_page(
    conn: AsyncConnection[Any],
    job: JobRow,
    *,
    after: UUID,
    stragglers: Sequence[UUID],
    kept: int,
    ended: int,
) -> None:
    """Note that a move has come up to `after`; the first to note it counts."""
    async with conn.transaction():
        await conn.execute(
            "insert into straggler (job_id, run_id) select %s, unnest(%s::uuid[])"
            " on conflict do nothing",
            (job.id, list(stragglers)),
        )
        await conn.execute(
            "update job set after = %s, kept = kept + %s, done = done + %s"
            " where id = %s and after is not distinct from %s",
            (after, kept, kept + ended, job.id, job.after),
        )


async def stragglers(conn: AsyncConnection[Any], job_id: UUID, limit: int) -> list[UUID]:
    """Runs that were at work, those first that were tried longest ago."""
    cursor = await conn.execute(
        """
        with next as (
            select run_id from straggler where job_id = %(job)s
            order by tried_at, run_id limit %(limit)s
        )
        update straggler s set tried_at = parcours.clock() from next
        where s.job_id = %(job)s and s.run_id = next.run_id returning s.run_id
        """,
        {"job": job_id, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]


async def finish_stragglers(
    conn: AsyncConnection[Any], job_id: UUID, *, kept: Sequence[UUID], ended: Sequence[UUID]
) -> None:
    """Note stragglers that stay or have ended; each counts once."""
    await conn.execute(
        """
        with gone as (
            delete from straggler where job_id = %(job)s and run_id = any(%(all)s)
            returning run_id
        ), counted as (
            select count(*) as total, count(*) filter (where run_id = any(%(kept)s)) as kept
            from gone
        )
        update job set kept = job.kept + counted.kept, done = job.done + counted.total
        from counted where id = %(job)s
        """,
        {"job": job_id, "all": [*kept, *ended], "kept": list(kept)},
    )


async def count_stragglers(conn: AsyncConnection[Any], job_id: UUID) -> int:
    """How many runs a move still waits for."""
    cursor = await conn.execute("select count(*) from straggler where job_id = %s", (job_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


# ------------------------------------------------------------------------------------- resumes


async def record_resume_progress(
    conn: AsyncConnection[Any], job: JobRow, *, after: UUID | None, done: int
) -> None:
    """Note that a resume has come up to the run `after`; the first to note it counts."""
    await conn.execute(
        "update job set after = %s, done = done + %s where id = %s"
        " and after is not distinct from %s",
        (after, done, job.id, job.after),
    )


async def record_all_scheduled(conn: AsyncConnection[Any], job: JobRow) -> None:
    """Note that every held send has its turn."""
    await conn.execute("update job set spreading = true where id = %s", (job.id,))


async def record_woken_until(
    conn: AsyncConnection[Any], job: JobRow, reached: datetime, done: int
) -> None:
    """Note that a resume has woken the sends whose turn came up to a time."""
    await conn.execute(
        "update job set reached = %s, done = done + %s where id = %s"
        " and reached is not distinct from %s",
        (reached, done, job.id, job.reached),
    )

"""Jobs: rows of the durable workflows that work through many things, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.protocol.jobs import JobKind
from store.operations.audit import Actor, record_audit
from store.sql import (
    Connection,
    columns,
    execute,
    fetch_all,
    fetch_all_as,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
)
from store.tables.operations import Job, JobState, Straggler

CLOSED: Final = "its workflow was closed in Temporal"
"""Why the engine stops a job by itself."""


@dataclass(frozen=True)
class JobRow:
    """A job, with the time of the reading."""

    id: UUID
    kind: JobKind
    journey: str | None
    """None: the job is not about one journey."""
    subject: str
    """What else the job is about: the key of a segment, the name of a file."""
    version: int | None
    """Of a job that moves runs: the version to which."""
    state: JobState
    plan: dict[str, Any]
    """Its input, in the shape of its kind."""
    progress: dict[str, Any] | None
    """How far it has come, in the shape of its kind, where `after` does not say it."""
    total: int
    """The number of runs, contacts or lines when it began."""
    done: int
    """The number of those that it has finished."""
    moved: int
    kept: int
    """The number of runs that keep their version."""
    failed: int
    """The number of runs that were set aside because of a fault; `kept` counts them as well."""
    after: UUID | None
    """It has worked through the runs, or the contacts, up to this id."""
    reached: datetime | None
    """It has woken the sends whose turn came up to this time."""
    spreading: bool
    """Whether every deferred send has its turn."""
    started_at: datetime
    ended_at: datetime | None
    paused_at: datetime | None
    """Since when an operator has paused it; None if it is at work."""
    key_id: UUID | None
    """The API key that asked for it, of a kind that may need another's approval."""
    approved_by: UUID | None
    """The API key that approved it."""
    approved_at: datetime | None
    now: datetime

    @property
    def paused_for(self) -> timedelta | None:
        """How long it has been paused; None if it is not."""
        return None if self.paused_at is None else self.now - self.paused_at

    @property
    def of_journey(self) -> str:
        """The journey of a job whose kind always has one."""
        assert self.journey is not None
        return self.journey

    @property
    def age(self) -> timedelta:
        """How long ago it began."""
        return self.now - self.started_at


_JOB_COLUMNS: Final = columns(JobRow, without=("now",))
_READ = sql(
    "select {job}, parcours.clock() as now from job where id = %(job_id)s", job=_JOB_COLUMNS
)
_LIST = sql(
    """
select {job}, parcours.clock() as now from job
where (%(journey)s::text is null or journey = %(journey)s::text)
  and (%(kind)s::text is null or kind = %(kind)s::text)
  and (%(before)s::uuid is null or (started_at, id) < (
      select other.started_at, other.id from job other where other.id = %(before)s::uuid
  ))
order by started_at desc, id desc limit %(limit)s
""",
    job=_JOB_COLUMNS,
)
_RUNNING = sql(
    """
select {job}, parcours.clock() as now, workflow_started_at is not null from job
where state = 'running' order by started_at
""",
    job=_JOB_COLUMNS,
)
_INSERT = statement(
    insert(Job)
    .values(
        {
            column: bindparam(column)
            for column in (
                "id",
                "kind",
                "journey",
                "subject",
                "version",
                "plan",
                "total",
                "result",
                "state",
                "key_id",
            )
        }
    )
    .on_conflict_do_nothing(index_elements=["id"])
)
_SUPERSEDE = statement(
    update(Job)
    .where(
        col(Job.journey) == bindparam("journey"),
        col(Job.kind) == bindparam("kind"),
        col(Job.state) == "running",
    )
    .values(state="superseded", ended_at=func.parcours.clock())
)
# Runs that ended before the job reached them are part of `total` only. A job that is done counts
# them as done.
_END = sql("""
update job set state = %(state)s, ended_at = parcours.clock(),
       total = greatest(total, done),
       done = case when %(state)s = 'done' then greatest(total, done) else done end,
       planned = null
where id = %(job)s and state in ('running', 'waiting')
""")
_TOTAL = sql("""
update job set total = %(total)s, state = case when %(waiting)s then 'waiting' else state end
where id = %(job)s
""")
_APPROVE = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.state) == "waiting",
        col(Job.key_id).is_distinct_from(bindparam("key")),
    )
    .values(state="running", approved_by=bindparam("key"), approved_at=func.parcours.clock())
)
_PAUSE = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.state) == "running",
        col(Job.paused_at).is_(None),
    )
    .values(paused_at=func.parcours.clock())
)
_RESUME = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.state) == "running",
        col(Job.paused_at).is_not(None),
    )
    .values(paused_at=None)
)
_SET_ASIDE = statement(
    select(col(Straggler.run_id), col(Straggler.code))
    .where(col(Straggler.job_id) == bindparam("job"), col(Straggler.code).is_not(None))
    .order_by(col(Straggler.run_id))
    .limit(bindparam("limit"))
)
_RESULT = statement(select(col(Job.result)).where(col(Job.id) == bindparam("job")))
_STARTED = statement(
    update(Job)
    .where(col(Job.id) == bindparam("job"), col(Job.workflow_started_at).is_(None))
    .values(workflow_started_at=func.parcours.clock())
)


async def create_job(
    conn: Connection,
    kind: JobKind,
    journey: str | None,
    *,
    job_id: UUID | None = None,
    subject: str = "",
    version: int | None = None,
    plan: dict[str, Any],
    total: int,
    result: dict[str, Any] | None = None,
    key_id: UUID | None = None,
    waiting: bool = False,
) -> UUID:
    """Insert a job in the caller's transaction; its workflow is to be started after the commit.

    `job_id`: an id that is made from what the job is for, so that it is inserted once. `result`:
    what is known before its first page. `key_id`: who asked for it. `waiting`: it is started once
    another key has approved it.
    """
    job_id = job_id or uuid4()
    await execute(
        conn,
        _INSERT,
        {
            "id": job_id,
            "kind": kind,
            "journey": journey,
            "subject": subject,
            "version": version,
            "plan": Jsonb(plan),
            "total": total,
            "result": None if result is None else Jsonb(result),
            "state": "waiting" if waiting else "running",
            "key_id": key_id,
        },
    )
    return job_id


async def stop_older_jobs(conn: Connection, kind: JobKind, journey: str) -> None:
    """End the running jobs of a kind on a journey as superseded, because another replaces them."""
    await execute(conn, _SUPERSEDE, {"journey": journey, "kind": kind})


async def approve_job(conn: Connection, job_id: UUID, key_id: UUID | None) -> bool:
    """Let a job begin that waits for the approval of another key; False if it does not, of this."""
    return await execute(conn, _APPROVE, {"job": job_id, "key": key_id}) == 1


async def set_total(conn: Connection, job_id: UUID, total: int, *, waiting: bool) -> None:
    """Record, in the transaction that makes a job, of how many runs it is."""
    await execute(conn, _TOTAL, {"job": job_id, "total": total, "waiting": waiting})


async def end_job(conn: Connection, job_id: UUID, state: JobState) -> bool:
    """End a job, and bring its counts into agreement; False if it had ended before."""
    return await execute(conn, _END, {"state": state, "job": job_id}) == 1


async def stop_job(
    conn: Connection, job_id: UUID, actor: Actor, *, reason: str | None = None
) -> JobRow | None:
    """Stop a job that is running, in a transaction of its own; the job, None if there is none.

    The audit log says who stopped it. A job that has ended stays as it is.
    """
    async with conn.transaction():
        stopped = await end_job(conn, job_id, "stopped")
        job = await read_job(conn, job_id)
        if stopped and job is not None:
            await record_audit(
                conn,
                actor,
                "job.cancel",
                f"job:{job_id}",
                after={"kind": job.kind},
                reason=reason,
                journey=job.journey,
            )
    return job


async def pause_job(conn: Connection, job_id: UUID, *, paused: bool) -> bool:
    """Pause a running job before its next page, or let it go on; whether that changed anything.

    Repeating it does not, nor does it for a job that has ended.
    """
    return await execute(conn, _PAUSE if paused else _RESUME, {"job": job_id}) == 1


async def read_job(conn: Connection, job_id: UUID) -> JobRow | None:
    """A job; None if there is no such job."""
    return await fetch_one_as(conn, JobRow, _READ, {"job_id": job_id})


async def read_result(conn: Connection, job_id: UUID) -> dict[str, Any] | None:
    """What a job has done so far, in the shape of its kind; None before its first page."""
    found: dict[str, Any] | None = await fetch_value(conn, _RESULT, {"job": job_id})
    return found


async def list_jobs(
    conn: Connection,
    journey: str | None,
    before: UUID | None,
    limit: int,
    *,
    kind: JobKind | None = None,
) -> list[JobRow]:
    """Jobs of a journey and kind or of all, newest first, that began before the job `before`."""
    page = {"journey": journey, "kind": kind, "before": before, "limit": limit}
    return await fetch_all_as(conn, JobRow, _LIST, page)


async def running_jobs(conn: Connection) -> list[tuple[JobRow, bool]]:
    """Running jobs, oldest first, with whether their workflow was started."""
    return [(JobRow(*job), started) for *job, started in await fetch_all(conn, _RUNNING)]


async def set_aside_runs(conn: Connection, job_id: UUID, limit: int) -> list[tuple[UUID, str]]:
    """The first runs that a job set aside because of a fault, each with the fault's code."""
    rows = await fetch_all(conn, _SET_ASIDE, {"job": job_id, "limit": limit})
    return [(run_id, code) for run_id, code in rows]


async def job_started(conn: Connection, job_id: UUID) -> None:
    """Record that Temporal has a job's workflow."""
    await execute(conn, _STARTED, {"job": job_id})

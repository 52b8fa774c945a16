"""Progress of a job that wakes the sends which a pause deferred."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlmodel import col

from store.operations.jobs import JobRow
from store.sql import Connection, execute, sql, statement
from store.tables.operations import Job

# A page may be worked through twice, by two attempts of its activity. Only the first of them finds
# the job's progress unchanged, so the page is counted once.
_SET_AFTER = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.after).is_not_distinct_from(bindparam("previous_after")),
    )
    .values(after=bindparam("after"), done=col(Job.done) + bindparam("page_done"))
)
_SET_SPREADING = statement(
    update(Job).where(col(Job.id) == bindparam("job")).values(spreading=True)
)
_SET_REACHED = statement(
    update(Job)
    .where(
        col(Job.id) == bindparam("job"),
        col(Job.reached).is_not_distinct_from(bindparam("previous_reached")),
    )
    .values(reached=bindparam("reached"), done=col(Job.done) + bindparam("page_done"))
)
# `progress` is `{event}`, up to which kept entries were looked at, and `{admitted}` after them.
_SET_ADMITTED = sql("""
update job set progress = jsonb_build_object('event', %(event)s::bigint), done = done + %(done)s
where id = %(job)s and coalesce((progress ->> 'event')::bigint, 0) = %(previous)s
""")
_SET_ALL_ADMITTED = sql("""
update job set progress = coalesce(progress, '{}') || '{"admitted": true}' where id = %(job)s
""")


async def record_admitted(conn: Connection, job: JobRow, *, event: int, done: int) -> None:
    """Record that the job has let kept entries in up to an event. The first record counts."""
    previous = int((job.progress or {}).get("event", 0))
    await execute(
        conn,
        _SET_ADMITTED,
        {"job": job.id, "event": event, "previous": previous, "done": done},
    )


async def record_all_admitted(conn: Connection, job: JobRow) -> None:
    """Record that no kept entry is left for the job."""
    await execute(conn, _SET_ALL_ADMITTED, {"job": job.id})


async def record_resume_progress(
    conn: Connection, job: JobRow, *, after: UUID | None, done: int
) -> None:
    """Record that the job has worked through the runs up to `after`. The first record counts."""
    await execute(
        conn,
        _SET_AFTER,
        {"job": job.id, "previous_after": job.after, "after": after, "page_done": done},
    )


async def record_all_scheduled(conn: Connection, job: JobRow) -> None:
    """Record that every deferred send has its turn in the spread."""
    await execute(conn, _SET_SPREADING, {"job": job.id})


async def record_woken_until(conn: Connection, job: JobRow, reached: datetime, done: int) -> None:
    """Record that the job has woken the sends whose turn came up to a time."""
    await execute(
        conn,
        _SET_REACHED,
        {"job": job.id, "previous_reached": job.reached, "reached": reached, "page_done": done},
    )

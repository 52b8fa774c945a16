"""Attribution of long periods: a job that goes through pages of events, and keeps its tally."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.operations.jobs import JobRow, create_job, read_result
from store.reports.attribution import (
    PAGE,
    AttributionQuestion,
    EventRange,
    attribute_page,
)
from store.reports.attribution_credit import Tally
from store.sql import Connection, execute, sql

# Of two attempts at a page one is recorded.
_RECORD = sql("""
update job set progress = %(progress)s, result = %(result)s, done = least(done + %(done)s, total)
where id = %(job)s and state = 'running' and (progress ->> 'after')::bigint = %(after)s
""")
_PROGRESS = sql("update job set progress = %(progress)s where id = %(job)s")


async def create_attribution_job(
    conn: Connection, question: AttributionQuestion, part: EventRange, *, key_id: UUID | None
) -> UUID:
    """Insert the job in the caller's transaction; its workflow is to be started after the commit.

    `key_id` is the API key that asks.
    """
    days = f"{question.begins_at:%Y-%m-%d} to {question.ends_at:%Y-%m-%d}"
    job_id = await create_job(
        conn,
        "attribution",
        None,
        subject=days,
        plan=question.as_json(),
        total=part.size,
        result=Tally().as_json(),
        key_id=key_id,
    )
    progress = {"after": part.after, "upto": part.upto}
    await execute(conn, _PROGRESS, {"job": job_id, "progress": Jsonb(progress)})
    return job_id


async def attribution_job_page(conn: Connection, job: JobRow) -> bool:
    """Go through the next page of events in the caller's transaction; whether it was the last."""
    progress: dict[str, Any] = job.progress or {}
    left = EventRange(progress["after"], progress["upto"])
    if not left.size:
        return True
    part = EventRange(left.after, min(left.after + PAGE, left.upto))
    tally = Tally.from_json(await read_result(conn, job.id) or Tally().as_json())
    await attribute_page(conn, AttributionQuestion.from_json(job.plan), tally, part)
    recorded = await execute(
        conn,
        _RECORD,
        {
            "job": job.id,
            "after": left.after,
            "progress": Jsonb({"after": part.upto, "upto": left.upto}),
            "result": Jsonb(tally.as_json()),
            "done": part.size,
        },
    )
    return recorded == 1 and part.upto >= left.upto

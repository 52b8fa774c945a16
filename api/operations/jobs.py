"""Routes of jobs: long work on many runs, and its progress."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from journeys.protocol.jobs import JobKind
from journeys.protocol.names import job_workflow_id
from store.operations.jobs import JobRow, list_jobs, read_job
from store.tables.operations import JobState

router = APIRouter(
    prefix="/v1",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

JobId = Annotated[UUID, Path()]


class JobBody(BaseModel):
    """A job and its progress."""

    id: UUID
    kind: JobKind
    workflow_id: str
    journey: str
    version: int | None
    """The version to which a move takes runs; None for other jobs."""
    state: JobState
    total: int
    done: int
    moved: int
    kept: int
    started_at: Instant
    ended_at: Instant | None


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    items: list[JobBody]
    next: str | None


@router.get("/jobs/{job_id}", summary="Read a job", responses=responses(404, 422))
async def get_job(job_id: JobId, services: UsedServices) -> JobBody:
    """A job and its progress."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
    if job is None:
        raise Problem(404, "unknown_job", f"there is no job {job_id}")
    return job_body(job)


@router.get("/jobs", summary="List jobs", responses=responses(422))
async def get_jobs(
    services: UsedServices,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> JobPage:
    """The jobs of one journey or of all journeys, newest first."""
    before = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if before is not None and await read_job(conn, before) is None:
            raise unknown_cursor(cursor)
        jobs = await list_jobs(conn, journey, before, limit + 1)
    page, following = page_of(jobs, limit, lambda job: str(job.id))
    return JobPage(items=[job_body(job) for job in page], next=following)


def job_body(job: JobRow) -> JobBody:
    """The body for a job of the store."""
    return JobBody(
        id=job.id,
        kind=job.kind,
        workflow_id=job_workflow_id(job.kind, job.id),
        journey=job.journey,
        version=job.version,
        state=job.state,
        total=job.total,
        done=job.done,
        moved=job.moved,
        kept=job.kept,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )

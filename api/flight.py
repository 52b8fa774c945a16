"""Runs in flight: which policies there are, and the jobs that carry them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field
from temporalio.client import Client

from api.auth import requires
from api.bodies import StrictRoute
from api.documents import Limit
from api.problems import Problem, responses
from api.services import UsedServices
from api.times import Instant
from dispatch.jobs import start_job
from journeys.durations import Duration
from journeys.exchange import job_workflow_id
from journeys.moving import main_line, wrong_map
from journeys.values import DurationText
from store.catalog import Catalog, Definition
from store.jobs import JobRow, count_to_move, create_job, list_jobs, read_job, supersede
from store.journeys import versions_in_flight
from store.overdue import Overdue

router = APIRouter(
    prefix="/v1",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

JobId = Annotated[UUID, Path()]


class Mapping(BaseModel):
    """Steps of versions before, each with the step of the new one that its runs go to."""

    model_config = ConfigDict(extra="forbid")

    map: dict[str, str] = Field(min_length=1, max_length=1000)


class Spread(BaseModel):
    """Over a time, each contact at its turn."""

    model_config = ConfigDict(extra="forbid")

    spread: DurationText


InFlight = Literal["pin", "follow"] | Mapping
"""What becomes of runs in flight: they keep their version, follow, or follow by a map of steps."""
OverduePolicy = Literal["send", "skip"] | Spread
"""What becomes of that which is overdue."""


def overdue_of(policy: OverduePolicy) -> Overdue:
    """The policy as it is kept; a day of a spread has 24 hours."""
    if not isinstance(policy, Spread):
        return Overdue(policy)
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    return Overdue("spread", Duration.parse(policy.spread).add_to(begin, ZoneInfo("UTC")) - begin)


def map_of(in_flight: InFlight) -> dict[str, str]:
    """The steps that are mapped."""
    return in_flight.map if isinstance(in_flight, Mapping) else {}


async def check_map(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    key: str,
    definition: Definition,
    in_flight: InFlight,
) -> None:
    """Raise Problem 422 that names every step of a map that is none, with the nearest right one."""
    mapping = map_of(in_flight)
    if not mapping:
        return
    known: set[str] = set()
    for version in await versions_in_flight(conn, key):
        known |= main_line((await catalog.definition(conn, key, version)).journey)
    wrong = wrong_map(mapping, known, definition.journey)
    if wrong:
        raise Problem(422, "unknown_step", "; ".join(wrong))


async def begin_move(
    conn: AsyncConnection[Any],
    key: str,
    version: int,
    in_flight: InFlight,
    overdue: OverduePolicy,
) -> UUID | None:
    """The job that moves runs in flight, within the transaction that activates a version.

    None if they keep their version, or there are none. A move under way ends in either case.
    """
    await supersede(conn, "move", key)
    if in_flight == "pin":
        return None
    total = await count_to_move(conn, key, version)
    if not total:
        return None
    plan = {"map": map_of(in_flight), "overdue": overdue_of(overdue).as_json()}
    return await create_job(conn, "move", key, version=version, plan=plan, total=total)


async def start_jobs(
    conn: AsyncConnection[Any], temporal: Client, jobs: Sequence[UUID | None]
) -> None:
    """Start the workflows of jobs that were committed; those that can't be are the sweep's."""
    for job in jobs:
        if job is not None:
            await start_job(conn, temporal, job)


class JobBody(BaseModel):
    """A job, and how far it has come."""

    id: UUID
    kind: Literal["move", "resume"]
    workflow_id: str
    journey: str
    version: int | None
    """Of a move: where to."""
    state: Literal["running", "done", "superseded", "stopped"]
    total: int
    done: int
    moved: int
    kept: int
    started_at: Instant
    ended_at: Instant | None


class JobPage(BaseModel):
    """Jobs, the newest first."""

    items: list[JobBody]
    next: str | None


@router.get("/jobs/{job_id}", summary="Read a job", responses=responses(404, 422))
async def get_job(job_id: JobId, services: UsedServices) -> JobBody:
    """How far a job has come."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
    if job is None:
        raise Problem(404, "unknown_job", f"there is no job {job_id}")
    return job_body(job)


@router.get("/jobs", summary="List jobs", responses=responses(422))
async def get_jobs(
    services: UsedServices,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Limit = 50,
) -> JobPage:
    """Jobs of a journey or of all, the newest first."""
    async with services.pool.connection() as conn:
        jobs = await list_jobs(conn, journey, cursor, limit + 1)
    more = str(jobs[limit - 1].id) if len(jobs) > limit else None
    return JobPage(items=[job_body(job) for job in jobs[:limit]], next=more)


def job_body(job: JobRow) -> JobBody:
    """A job as the API tells it."""
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

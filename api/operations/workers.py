"""Routes of workers: which builds are at work, and which of them replay the open runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from temporalio.client import Client
from temporalio.service import RPCError

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.times import Instant
from api.services import UsedServices
from journeys.protocol.names import QUEUE
from store.operations.workers import CheckedBuild, SeenWorker, list_checks, list_workers

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_PATIENCE = timedelta(seconds=3)
_COUNTED = 10
"""Builds whose runs are counted, at most: Temporal answers a few such counts a second."""


class BrokenBody(BaseModel):
    """Histories that a build does not replay, by where their runs stand."""

    journey: str
    version: int | None
    step: str | None
    code: str
    """`nondeterminism`, or what else went wrong."""
    runs: int
    """Of the sampled runs."""
    example: str
    """The workflow of one."""


class CheckBody(BaseModel):
    """The latest `parcours worker check` of a build."""

    at: Instant
    replayed: int
    unread: int
    """Histories that were sampled and not replayed."""
    broken: list[BrokenBody]
    safe: bool
    """All histories that were replayed went well, and some were."""


class BuildBody(BaseModel):
    """A build that is at work, or was checked."""

    build: str
    processes: int
    """Worker processes of this build that were seen within the last minute."""
    not_taken_up: int | None
    """Open runs and jobs that no worker of this build has worked on yet; null if Temporal does
    not say, or if the build is not at work."""
    check: CheckBody | None


class ProcessBody(BaseModel):
    """A worker process that was seen within the last minute."""

    id: UUID
    build: str
    started_at: Instant
    seen_at: Instant
    lag_seconds: float
    """How late it came to its latest report: more than a second is a busy process."""


class WorkersBody(BaseModel):
    """Builds, those at work first, and processes."""

    open: int | None
    """Open runs and jobs in Temporal; null if Temporal does not say."""
    builds: list[BuildBody]
    processes: Annotated[list[ProcessBody], Field(default_factory=list)]


@router.get("/workers", summary="List workers and their builds")
async def get_workers(services: UsedServices) -> WorkersBody:
    """The worker processes of the last minute, and the replay checks of builds."""
    async with services.pool.connection() as conn:
        processes = await list_workers(conn)
        checks = await list_checks(conn)
    at_work = list(dict.fromkeys(each.build for each in processes))
    left = {build: await _count(services.temporal, build) for build in at_work[:_COUNTED]}
    known = [*at_work, *(each.build for each in checks if each.build not in at_work)]
    by_build = {each.build: each for each in checks}
    return WorkersBody(
        open=await _count(services.temporal, None),
        builds=[
            BuildBody(
                build=build,
                processes=sum(each.build == build for each in processes),
                not_taken_up=left.get(build),
                check=_check(by_build[build]) if build in by_build else None,
            )
            for build in known
        ],
        processes=[_process(each) for each in processes],
    )


async def _count(client: Client, build: str | None) -> int | None:
    """Open workflows; with a build those that no worker of it has worked on."""
    query = f"TaskQueue = '{QUEUE}' AND ExecutionStatus = 'Running'"
    if build is not None:
        query += f" AND BuildIds != 'unversioned:{build}'"
    try:
        return (await client.count_workflows(query, rpc_timeout=_PATIENCE)).count
    except (RPCError, RuntimeError):
        return None


def _check(found: CheckedBuild) -> CheckBody:
    return CheckBody(
        at=found.checked_at,
        replayed=found.replayed,
        unread=found.unread,
        broken=[BrokenBody(**each) for each in found.broken],
        safe=not found.broken and found.replayed > 0,
    )


def _process(seen: SeenWorker) -> ProcessBody:
    return ProcessBody(
        id=seen.id,
        build=seen.build,
        started_at=seen.started_at,
        seen_at=seen.seen_at,
        lag_seconds=round(seen.lag, 3),
    )

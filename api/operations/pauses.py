"""Routes that pause all journeys, and resume exactly those that were active."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, StringConstraints

from api.definitions.following import follow_journeys
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses
from api.http.strict_models import StrictBody
from api.services import UsedServices
from api.versions.in_flight import OverduePolicy, overdue_of, start_jobs
from store.definitions.documents import lock_catalog
from store.definitions.pausing import begin_resumption, pause_all, paused_with_all, resume
from store.operations.audit import Change, record_audits
from store.operations.jobs import stop_older_jobs

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

_REASON = StringConstraints(min_length=1, max_length=500, pattern=r"\S")


class PauseOrder(StrictBody):
    """Why all journeys are paused."""

    reason: Annotated[str, _REASON]


class ResumeOrder(PauseOrder):
    """Why they go on, and the policy for sends that were due meanwhile."""

    overdue: OverduePolicy = "send"


class PauseBody(BaseModel):
    """The journeys whose state has changed."""

    journeys: list[str]
    jobs: list[UUID]
    """Of a resumption: the jobs that make up for what was deferred and kept."""


@router.post("/pause", summary="Pause all active journeys", responses=responses(422))
async def post_pause(order: PauseOrder, services: UsedServices, actor: UsedActor) -> PauseBody:
    """Pause each active journey, as a pause of it alone does, in one transaction.

    `POST /v1/resume` resumes exactly these. Journeys that were paused before stay paused then, and
    so does one that is paused by itself meanwhile.
    """
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            journeys = await pause_all(conn)
            for key in journeys:
                await stop_older_jobs(conn, "resume", key)
            before, after = {"state": "active"}, {"state": "paused", "with": "all"}
            await record_audits(
                conn,
                actor,
                [
                    Change("journey.pause", f"journey:{key}", before, after, order.reason)
                    for key in journeys
                ],
            )
        await follow_journeys(conn, services, journeys)
    return PauseBody(journeys=journeys, jobs=[])


@router.post("/resume", summary="Resume what was paused with all", responses=responses(422))
async def post_resume(order: ResumeOrder, services: UsedServices, actor: UsedActor) -> PauseBody:
    """Resume the journeys that `POST /v1/pause` has paused, each under the same overdue policy.

    One that was resumed by itself meanwhile, or archived, is left as it is.
    """
    overdue = overdue_of(order.overdue)
    changes: list[Change] = []
    jobs: list[UUID] = []
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            journeys = await paused_with_all(conn)
            for key in journeys:
                resumed = await resume(conn, key, overdue)
                job = await begin_resumption(conn, key, overdue, resumed)
                jobs += [] if job is None else [job]
                after = {
                    "state": "active",
                    "overdue": overdue.as_json(),
                    "deferred": resumed.deferred,
                    "kept": resumed.kept,
                }
                before = {"state": "paused", "with": "all"}
                changes.append(
                    Change("journey.resume", f"journey:{key}", before, after, order.reason)
                )
            await record_audits(conn, actor, changes)
        await start_jobs(conn, services.temporal, list(jobs))
        await follow_journeys(conn, services, journeys)
    return PauseBody(journeys=journeys, jobs=jobs)

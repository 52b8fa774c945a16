"""Routes of journeys: save a draft, read, activate, preview, pause, resume and archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.documents import (
    Key,
    SavedBody,
    document_body,
    save_single,
    yaml_wanted,
)
from api.definitions.following import follow_journeys
from api.http.audit import UsedActor
from api.http.bodies import LargeRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER, StrictBody
from api.http.times import Instant
from api.services import UsedServices
from api.versions.backfills import BackfillBody, preview_backfills_of
from api.versions.going_live import go_live
from api.versions.in_flight import (
    InFlight,
    OverduePolicy,
    check_map,
    overdue_of,
    start_jobs,
)
from api.versions.preview import Preview, PreviewJob, preview
from journeys.model.journey_state import JourneyState
from store.definitions.documents import lock_catalog
from store.definitions.journeys import (
    StoredJourney,
    WrongState,
    archive,
    list_journeys,
    read_journey,
)
from store.definitions.pausing import begin_resumption, pause, resume
from store.operations.audit import Actor, record_audit
from store.operations.audit_actions import ActionName
from store.operations.jobs import stop_older_jobs

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)

OPERATE = [Depends(requires("operate"))]
"""Of what acts on contacts: a key of scope `edit` writes documents alone."""


class JourneySummary(BaseModel):
    """A journey."""

    key: str
    name: str | None
    state: JourneyState
    paused_with_all: bool
    """Whether it was paused with all others, and is resumed with them."""
    version: int
    """The newest version, or the requested one."""
    active_version: int | None
    """The version of new runs."""
    created_at: Instant
    updated_at: Instant


class JourneyBody(JourneySummary):
    """A journey with the definition of a version."""

    document: dict[str, Any]
    source: str
    """The text as it was written."""


class JourneyPage(BaseModel):
    """Journeys by key."""

    items: list[JourneySummary]
    next: str | None


class Activation(StrictBody):
    """The version for new runs, and the policies for runs in flight."""

    version: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    """The newest by default."""
    in_flight: InFlight = "pin"
    overdue: OverduePolicy = "send"
    """The policy for runs whose wait is past due under the new version."""


class BackfillPage(BaseModel):
    """The backfills that an activation would begin."""

    items: list[BackfillBody]


class Resumption(StrictBody):
    """The policy for sends that were due during the pause."""

    overdue: OverduePolicy = "send"


class StateBody(BaseModel):
    """A journey's state from now on."""

    key: str
    version: int | None
    state: JourneyState
    job: UUID | None = None
    """The job that moves runs in flight, or wakes deferred sends; None if there is none."""
    backfills: list[UUID] = Field(default_factory=list)
    """The jobs that enter those who are members, or have the value, already."""


@router.put(
    "/{key}",
    summary="Save a journey as a draft",
    responses=responses(400, 422),
    openapi_extra=document_body("a journey"),
)
async def put_journey(
    key: Key, request: Request, services: UsedServices, actor: UsedActor
) -> SavedBody:
    """Save a new version, unless the newest one has the same content."""
    saved, warnings = await save_single(request, services, actor, "journey", key)
    async with services.pool.connection() as conn:
        stored = await _stored(conn, key)
    return SavedBody(key=key, version=saved.version, state=stored.state, warnings=warnings)


@router.get(
    "/{key}",
    summary="Read a journey",
    response_model=JourneyBody,
    responses=responses(404),
)
async def get_journey(
    key: Key,
    request: Request,
    services: UsedServices,
    version: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
) -> Any:
    """A journey with its newest version, or another; its source with `Accept: application/yaml`."""
    async with services.pool.connection() as conn:
        stored = await _stored(conn, key, version)
    if yaml_wanted(request):
        return Response(stored.source, media_type="application/yaml")
    return JourneyBody(
        **_summary(stored).model_dump(), document=stored.document, source=stored.source
    )


@router.get("", summary="List journeys", responses=responses())
async def get_journeys(
    services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> JourneyPage:
    """Journeys by key."""
    async with services.pool.connection() as conn:
        stored = await list_journeys(conn, cursor, limit + 1)
    page, following = page_of(stored, limit, lambda each: each.key)
    return JourneyPage(items=[_summary(each) for each in page], next=following)


@router.post(
    "/{key}/activate",
    summary="Activate a version for new runs",
    dependencies=OPERATE,
    responses=responses(404, 422),
)
async def activate_journey(
    key: Key, services: UsedServices, actor: UsedActor, activation: Activation | None = None
) -> StateBody:
    """Make a version the one of new runs; a job that is still moving runs ends.

    A paused journey takes the version and stays paused.
    """
    request = activation or Activation()
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key, request.version)
            definition = await services.catalog.definition(conn, key, stored.version)
            await check_map(conn, services.catalog, key, definition, request.in_flight)
            live = await go_live(
                conn,
                actor,
                stored,
                stored.version,
                stored.document,
                request.in_flight,
                request.overdue,
            )
        await start_jobs(conn, services.temporal, [live.job, *live.backfills])
        await follow_journeys(conn, services, [key])
    return StateBody(
        key=key,
        version=stored.version,
        state=live.state,
        job=live.job,
        backfills=live.backfills,
    )


@router.post(
    "/{key}/backfill/preview",
    summary="Preview the backfills of an activation",
    dependencies=OPERATE,
    responses=responses(404, 422),
)
async def preview_backfill(
    key: Key, services: UsedServices, activation: Activation | None = None
) -> BackfillPage:
    """How many contacts would enter if the version went live now: those who are members already.

    Only the backfills are listed that the version before did not have.
    """
    request = activation or Activation()
    async with services.pool.connection() as conn:
        stored = await _stored(conn, key, request.version)
        definition = await services.catalog.definition(conn, key, stored.version)
        return BackfillPage(items=await preview_backfills_of(conn, definition, stored))


@router.post(
    "/{key}/activate/preview",
    summary="Preview the effect of an activation on runs in flight",
    dependencies=OPERATE,
    response_model=Preview,
    responses={
        **responses(404, 422),
        202: {"model": PreviewJob, "description": "Many runs are in flight: a job previews them"},
    },
)
async def preview_activation(
    key: Key, services: UsedServices, activation: Activation | None = None
) -> Any:
    """Runs that move, by step; runs that stay, by reason; contacts that may be messaged at once.

    No run is changed. Where many are in flight, the answer is 202 with a job that previews them.
    """
    request = activation or Activation()
    async with services.pool.connection() as conn:
        stored = await _stored(conn, key, request.version)
        definition = await services.catalog.definition(conn, key, stored.version)
        await check_map(conn, services.catalog, key, definition, request.in_flight)
        found = await preview(
            conn,
            services,
            definition,
            request.in_flight,
            request.overdue,
            paused=stored.state == "paused",
        )
    if isinstance(found, PreviewJob):
        return JSONResponse(found.model_dump(mode="json"), status_code=202)
    return found


@router.post(
    "/{key}/pause",
    summary="Pause a journey: defer its sends and refuse entries",
    dependencies=OPERATE,
    responses=responses(404, 409),
)
async def pause_journey(key: Key, services: UsedServices, actor: UsedActor) -> StateBody:
    """Waits go on, sends and webhooks are deferred, exits and goals work.

    Nothing is sent after the answer, except a message whose call to the provider had begun.
    """
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key)
            try:
                await pause(conn, key)
            except WrongState as error:
                raise Problem(409, "wrong_state", str(error)) from None
            await stop_older_jobs(conn, "resume", key)
            if stored.state != "paused":
                await _record_state(conn, actor, "journey.pause", stored, {"state": "paused"})
        await follow_journeys(conn, services, [key])
    return StateBody(key=key, version=stored.active_version, state="paused")


@router.post(
    "/{key}/resume",
    summary="Resume a paused journey",
    dependencies=OPERATE,
    responses=responses(404, 409, 422),
)
async def resume_journey(
    key: Key, services: UsedServices, actor: UsedActor, resumption: Resumption | None = None
) -> StateBody:
    """Take entries again, and start a job that applies the overdue policy to deferred sends."""
    overdue = overdue_of((resumption or Resumption()).overdue)
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key)
            try:
                resumed = await resume(conn, key, overdue)
            except WrongState as error:
                raise Problem(409, "wrong_state", str(error)) from None
            job = await begin_resumption(conn, key, overdue, resumed)
            if job is not None or stored.state == "paused":
                after = {
                    "state": "active",
                    "overdue": overdue.as_json(),
                    "deferred": resumed.deferred,
                    "kept": resumed.kept,
                }
                await _record_state(conn, actor, "journey.resume", stored, after)
        await start_jobs(conn, services.temporal, [job])
        await follow_journeys(conn, services, [key])
    return StateBody(key=key, version=stored.active_version, state="active", job=job)


@router.post(
    "/{key}/archive",
    summary="Archive a journey: refuse entries for good",
    dependencies=OPERATE,
    responses=responses(404),
)
async def archive_journey(key: Key, services: UsedServices, actor: UsedActor) -> StateBody:
    """Entries are refused; runs go on to their end."""
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key)
            await archive(conn, key, by=actor.name)
            if stored.state != "archived":
                await _record_state(conn, actor, "journey.archive", stored, {"state": "archived"})
        await follow_journeys(conn, services, [key])
    return StateBody(key=key, version=stored.active_version, state="archived")


async def _record_state(
    conn: saving.Conn,
    actor: Actor,
    action: ActionName,
    stored: StoredJourney,
    after: Mapping[str, Any],
) -> None:
    before = {"state": stored.state}
    await record_audit(conn, actor, action, f"journey:{stored.key}", before=before, after=after)


async def _stored(conn: saving.Conn, key: str, version: int | None = None) -> StoredJourney:
    stored = await read_journey(conn, key, version)
    if stored is None:
        what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
        raise Problem(404, "unknown_journey", f"there is no {what}")
    return stored


def _summary(stored: StoredJourney) -> JourneySummary:
    name = stored.document.get("name")
    return JourneySummary(
        key=stored.key,
        name=name if isinstance(name, str) else None,
        state=stored.state,
        paused_with_all=stored.paused_with_all,
        version=stored.version,
        active_version=stored.active_version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )

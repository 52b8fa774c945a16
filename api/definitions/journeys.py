"""Journeys: saved as drafts, activated, paused, resumed and archived."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.definitions import saving
from api.definitions.documents import (
    Key,
    SavedBody,
    document_body,
    read_single,
    yaml_wanted,
)
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from api.versions.in_flight import (
    InFlight,
    OverduePolicy,
    begin_move,
    check_map,
    overdue_of,
    start_jobs,
)
from api.versions.preview import Preview, preview
from journeys.checks.unsupported import activation_blockers
from journeys.model.documents import load
from store.definitions.documents import lock_catalog
from store.definitions.journeys import (
    StoredJourney,
    WrongState,
    activate,
    archive,
    list_journeys,
    read_journey,
)
from store.definitions.pausing import pause, resume
from store.operations.jobs import create_job, stop_older_jobs

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)


class JourneySummary(BaseModel):
    """A journey."""

    key: str
    name: str | None
    state: Literal["draft", "active", "paused", "archived"]
    version: int
    """The newest, or the one that was asked for."""
    active_version: int | None
    """The one that new runs take."""
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


class Activation(BaseModel):
    """Which version new runs take, and what becomes of those in flight."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1)
    """The newest by default."""
    in_flight: InFlight = "pin"
    overdue: OverduePolicy = "send"
    """What becomes of runs whose wait would be over by now under the new version."""


class Resumption(BaseModel):
    """What becomes of sends that were due during the pause."""

    model_config = ConfigDict(extra="forbid")

    overdue: OverduePolicy = "send"


class StateBody(BaseModel):
    """A journey's state from now on."""

    key: str
    version: int | None
    state: Literal["draft", "active", "paused", "archived"]
    job: UUID | None = None
    """The job that moves runs in flight, or wakes what was held; None if there is nothing to do."""


@router.put(
    "/{key}",
    summary="Save a journey as a draft",
    responses=responses(400, 422),
    openapi_extra=document_body("a journey"),
)
async def put_journey(key: Key, request: Request, services: UsedServices) -> SavedBody:
    """Save a new version; content that is the newest version's makes none."""
    parsed = await read_single(request, "journey", key)
    async with services.pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        warnings = await saving.judge(conn, [parsed])
        saved = await saving.save(conn, parsed)
        stored = await _stored(conn, key)
    return SavedBody(
        key=key, version=saved.version, state=stored.state, warnings=list(map(str, warnings))
    )


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
    version: Annotated[int | None, Query(ge=1)] = None,
) -> Any:
    """A journey with its newest version, or another; as the text it was with `Accept: yaml`."""
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
    summary="Let new runs take a version",
    responses=responses(404, 422),
)
async def activate_journey(
    key: Key, services: UsedServices, activation: Activation | None = None
) -> StateBody:
    """Make a version live; an activation ends a move that is under way.

    A paused journey takes the version and stays paused.
    """
    wanted = activation or Activation()
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key, wanted.version)
            refused = activation_blockers(load(stored.document))
            if refused:
                raise saving.refuse(refused, "not_supported")
            definition = await services.catalog.definition(conn, key, stored.version)
            await check_map(conn, services.catalog, key, definition, wanted.in_flight)
            state = await activate(conn, key, stored.version)
            job = await begin_move(conn, key, stored.version, wanted.in_flight, wanted.overdue)
        await start_jobs(conn, services.temporal, [job])
    return StateBody(key=key, version=stored.version, state=state, job=job)


@router.post(
    "/{key}/activate/preview",
    summary="Tell what an activation would do to runs in flight",
    responses=responses(404, 422),
)
async def preview_activation(
    key: Key, services: UsedServices, activation: Activation | None = None
) -> Preview:
    """How many move from where to where, how many stay and why, who may be sent a message at once.

    Nothing is changed.
    """
    wanted = activation or Activation()
    async with services.pool.connection() as conn:
        stored = await _stored(conn, key, wanted.version)
        definition = await services.catalog.definition(conn, key, stored.version)
        await check_map(conn, services.catalog, key, definition, wanted.in_flight)
        return await preview(
            conn,
            services,
            definition,
            wanted.in_flight,
            wanted.overdue,
            paused=stored.state == "paused",
        )


@router.post(
    "/{key}/pause",
    summary="Hold a journey's sends, and refuse entries",
    responses=responses(404, 409),
)
async def pause_journey(key: Key, services: UsedServices) -> StateBody:
    """Waits run on, sends and webhooks hold, exits and goals work.

    Nothing is sent later than the answer, but what a provider was being handed before it.
    """
    async with services.pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        stored = await _stored(conn, key)
        try:
            await pause(conn, key)
        except WrongState as error:
            raise Problem(409, "wrong_state", str(error)) from None
        await stop_older_jobs(conn, "resume", key)
    return StateBody(key=key, version=stored.active_version, state="paused")


@router.post(
    "/{key}/resume",
    summary="Let a paused journey go on",
    responses=responses(404, 409, 422),
)
async def resume_journey(
    key: Key, services: UsedServices, resumption: Resumption | None = None
) -> StateBody:
    """Take entries again, and let go what was held under the overdue policy, by a job."""
    overdue = overdue_of((resumption or Resumption()).overdue)
    job: UUID | None = None
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await lock_catalog(conn)
            stored = await _stored(conn, key)
            try:
                held = await resume(conn, key, overdue)
            except WrongState as error:
                raise Problem(409, "wrong_state", str(error)) from None
            if held:
                await stop_older_jobs(conn, "resume", key)
                plan = {"overdue": overdue.as_json()}
                job = await create_job(conn, "resume", key, plan=plan, total=held)
        await start_jobs(conn, services.temporal, [job])
    return StateBody(key=key, version=stored.active_version, state="active", job=job)


@router.post("/{key}/archive", summary="Refuse entries for good", responses=responses(404))
async def archive_journey(key: Key, services: UsedServices) -> StateBody:
    """Entries are refused; runs go on to their end."""
    async with services.pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        stored = await _stored(conn, key)
        await archive(conn, key)
    return StateBody(key=key, version=stored.active_version, state="archived")


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
        version=stored.version,
        active_version=stored.active_version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )

"""Journeys: saved as drafts, activated, paused, resumed and archived."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from temporalio.client import Client
from temporalio.service import RPCError

from api import definitions
from api.auth import requires
from api.bodies import StrictRoute
from api.documents import (
    Cursor,
    Key,
    Limit,
    SavedBody,
    document_body,
    read_single,
    yaml_wanted,
)
from api.problems import Problem, responses
from api.services import Pool, UsedServices
from api.times import Instant
from dispatch.resuming import wake_held
from journeys.documents import load
from journeys.validation import hindrances
from store.documents import lock_catalog
from store.journeys import (
    StoredJourney,
    WrongState,
    activate,
    list_journeys,
    move,
    read_journey,
)

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

_log = structlog.get_logger(__name__)
_wakes: set[asyncio.Task[None]] = set()


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
    in_flight: Literal["pin", "follow"] | dict[str, Any] = "pin"


class Resumption(BaseModel):
    """What becomes of sends that were due during the pause."""

    model_config = ConfigDict(extra="forbid")

    overdue: Literal["send", "skip"] | dict[str, Any] = "send"


class StateBody(BaseModel):
    """A journey's state from now on."""

    key: str
    version: int | None
    state: Literal["draft", "active", "paused", "archived"]


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
        warnings = await definitions.judge(conn, [parsed])
        saved = await definitions.save(conn, parsed)
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
    more = stored[limit - 1].key if len(stored) > limit else None
    return JourneyPage(items=[_summary(each) for each in stored[:limit]], next=more)


@router.post(
    "/{key}/activate",
    summary="Let new runs take a version",
    responses=responses(404, 422),
)
async def activate_journey(
    key: Key, services: UsedServices, activation: Activation | None = None
) -> StateBody:
    """Make a version live. A paused journey takes it and stays paused."""
    wanted = activation or Activation()
    if wanted.in_flight != "pin":
        raise Problem(
            422, "not_supported", "in_flight: only `pin` works yet: runs keep their version"
        )
    async with services.pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        stored = await _stored(conn, key, wanted.version)
        refused = hindrances(load(stored.document))
        if refused:
            raise definitions.refuse(refused, "not_supported")
        state = await activate(conn, key, stored.version)
    return StateBody(key=key, version=stored.version, state=state)


@router.post(
    "/{key}/pause",
    summary="Hold a journey's sends, and refuse entries",
    responses=responses(404, 409),
)
async def pause_journey(key: Key, services: UsedServices) -> StateBody:
    """Waits run on, sends and webhooks hold, exits and goals work."""
    return await _move(services.pool, key, "pause")


@router.post(
    "/{key}/resume",
    summary="Let a paused journey go on",
    responses=responses(404, 409, 422),
)
async def resume_journey(
    key: Key, services: UsedServices, resumption: Resumption | None = None
) -> StateBody:
    """Take entries again and wake the sends that were held."""
    if resumption is not None and resumption.overdue != "send":
        raise Problem(
            422, "not_supported", "overdue: only `send` works yet: what was held is sent now"
        )
    state = await _move(services.pool, key, "resume")
    task = asyncio.create_task(_wake(services.pool, services.temporal, key))
    _wakes.add(task)
    task.add_done_callback(_wakes.discard)
    return state


@router.post("/{key}/archive", summary="Refuse entries for good", responses=responses(404))
async def archive_journey(key: Key, services: UsedServices) -> StateBody:
    """Entries are refused; runs go on to their end."""
    return await _move(services.pool, key, "archive")


async def _move(pool: Pool, key: str, act: Literal["pause", "resume", "archive"]) -> StateBody:
    async with pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        stored = await _stored(conn, key)
        try:
            state = await move(conn, key, act)
        except WrongState as error:
            raise Problem(409, "wrong_state", str(error)) from None
    return StateBody(key=key, version=stored.active_version, state=state)


async def _wake(pool: Pool, temporal: Client, key: str) -> None:
    try:
        woken = await wake_held(pool, temporal, key)
    except (RPCError, RuntimeError) as error:
        _log.warning("held_sends_not_woken", journey=key, error=type(error).__name__)
    else:
        _log.info("held_sends_woken", journey=key, count=woken)


async def _stored(conn: definitions.Conn, key: str, version: int | None = None) -> StoredJourney:
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

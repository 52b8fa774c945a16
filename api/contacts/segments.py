"""Routes of segments: their members, what has changed, and a preview before one is saved."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled
from pydantic import BaseModel

from api.definitions.documents import Key, yaml_wanted
from api.definitions.saving import prepare_documents
from api.http.audit import UsedActor
from api.http.bodies import LargeRoute, decode
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, cursor_number, page_of
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import Services, UsedServices
from api.versions.in_flight import start_jobs
from journeys.model.documents import Segment
from journeys.model.segment_dependencies import LargeSegment, dependencies_of, expanded
from store.definitions.documents import (
    StoredDocument,
    list_documents,
    lock_catalog,
    read_document,
)
from store.operations.audit import record_audit
from store.segments.generations import (
    SegmentState,
    begin_generations,
    read_segment_state,
    read_segment_states,
)
from store.segments.membership import (
    count_members,
    count_members_of,
    list_changes,
    list_members,
)
from store.segments.preview import preview_condition
from store.segments.segment_conditions import read_segments
from store.tables.segments import ChangedBy

_PREVIEW_TIMEOUT = "20s"
_PREVIEWS = asyncio.Semaphore(2)
"""Previews of one process at once: each may read all contacts."""

router = APIRouter(
    prefix="/v1/segments",
    tags=["segments"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("read"))],
)


class Progress(BaseModel):
    """How far the contacts were judged."""

    done: int
    total: int
    job: UUID | None


class SegmentBody(BaseModel):
    """A segment, and how far its members are known."""

    key: str
    version: int
    document: dict[str, Any]
    source: str
    """The text as it was written."""
    updated_at: Instant
    state: Literal["filling", "ready"]
    """`filling`: not every contact was judged by it yet. Events already are."""
    members: int
    dependencies: dict[str, list[str]]
    """What its members depend on: events, attributes, groups, topics, places, segments."""
    progress: Progress | None
    """While it is filled; null once it is ready."""
    since: Instant | None
    """When its present condition came into force."""
    filled_at: Instant | None
    checked_at: Instant | None
    """When all members were last compared with the condition, which happens each night."""
    corrected: int
    """How many were wrong then: 0."""
    slow_at: Instant | None
    """When judging contacts by it last took so long that it is done apart from the other segments,
    and what follows from it comes later."""


class SegmentPage(BaseModel):
    """Segments by key."""

    items: list[SegmentBody]
    next: str | None


class MemberBody(BaseModel):
    """A contact in a segment."""

    contact: str
    email: str | None
    entered_at: Instant


class MemberPage(BaseModel):
    """Members of a segment."""

    items: list[MemberBody]
    next: str | None


class ChangeBody(BaseModel):
    """A contact that entered a segment, or left it."""

    contact: str
    change: Literal["entered", "left"]
    at: Instant
    by: ChangedBy
    event_id: int | None
    """The event that it follows from; null if time or a job brought it."""


class ChangePage(BaseModel):
    """Changes of the members of a segment, newest first."""

    items: list[ChangeBody]
    next: str | None


class SampledBody(BaseModel):
    """A contact that the segment would have."""

    contact: str
    email: str | None


class SegmentPreviewBody(BaseModel):
    """What members a segment would have now."""

    count: int
    sample: list[SampledBody]
    """Up to ten of them."""
    dependencies: dict[str, list[str]]


class FillBody(BaseModel):
    """A segment that is filled once more."""

    key: str
    state: Literal["filling"]
    job: UUID


@router.get(
    "/{key}", summary="Read a segment", response_model=SegmentBody, responses=responses(404)
)
async def get_segment(key: Key, request: Request, services: UsedServices) -> Any:
    """A segment, with how many contacts are in it, and whether all were judged."""
    async with services.pool.connection() as conn:
        stored = await read_document(conn, "segment", key)
        if stored is None:
            raise _unknown(key)
        if yaml_wanted(request):
            return Response(stored.source, media_type="application/yaml")
        return _body(stored, await read_segment_state(conn, key), await count_members(conn, key))


@router.get("", summary="List segments", responses=responses(422))
async def get_segments(
    services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> SegmentPage:
    """Segments in the order of their keys, with how many contacts are in each."""
    async with services.pool.connection() as conn:
        stored = await list_documents(conn, "segment", cursor, limit + 1)
        page, following = page_of(stored, limit, lambda each: each.key)
        keys = [each.key for each in page]
        states = await read_segment_states(conn, keys)
        counts = await count_members_of(conn, keys)
    items = [_body(each, states.get(each.key), counts[each.key]) for each in page]
    return SegmentPage(items=items, next=following)


@router.get("/{key}/members", summary="List the members of a segment", responses=responses(404))
async def get_members(
    key: Key, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> MemberPage:
    """The contacts in a segment, in the order of their own ids."""
    after = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        await _known(conn, key)
        members = await list_members(conn, key, after, limit + 1)
    page, following = page_of(members, limit, lambda each: str(each.contact_id))
    items = [
        MemberBody(contact=each.contact, email=each.email, entered_at=each.entered_at)
        for each in page
    ]
    return MemberPage(items=items, next=following)


@router.get("/{key}/changes", summary="List who entered and left", responses=responses(404))
async def get_changes(
    key: Key, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> ChangePage:
    """Who entered a segment and who left it, newest first."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        await _known(conn, key)
        changes = await list_changes(conn, key, before, limit + 1)
    page, following = page_of(changes, limit, lambda each: str(each.id))
    items = [
        ChangeBody(
            contact=each.contact,
            change="entered" if each.entered else "left",
            at=each.at,
            by=each.by,
            event_id=each.event_id,
        )
        for each in page
    ]
    return ChangePage(items=items, next=following)


@router.post(
    "/preview",
    summary="Count who would be in a segment",
    responses=responses(400, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"if": {"attribute": "country", "is": "FR"}},
                },
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    },
)
async def preview(request: Request, services: UsedServices) -> SegmentPreviewBody:
    """Judge all contacts by a condition, `{if: …}`, or by the document of a segment.

    The count is exact, and nothing is saved. A condition that takes more than 20 seconds is
    refused: saved as a segment, it is filled by a job.
    """
    segment = await _segment_of(request, services)
    async with _PREVIEWS, services.pool.connection() as conn:
        conditions = {**(await read_segments(conn)).conditions, segment.key: segment.if_}
        try:
            condition, inside = expanded(segment.key, conditions)
        except LargeSegment as error:
            raise Problem(422, "invalid_document", str(error)) from None
        try:
            found = await preview_condition(conn, condition, timeout=_PREVIEW_TIMEOUT)
        except QueryCanceled:
            raise Problem(
                503,
                "too_slow",
                "the condition takes more than 20 s for all contacts: save it, and a job fills it",
                headers={"Retry-After": "60"},
            ) from None
    return SegmentPreviewBody(
        count=found.count,
        sample=[SampledBody(contact=each.contact, email=each.email) for each in found.sample],
        dependencies=dependencies_of(condition, inside).as_json(),
    )


@router.post(
    "/{key}/fill",
    summary="Judge all contacts again",
    responses=responses(404, 409),
    status_code=202,
    dependencies=[Depends(requires("operate"))],
)
async def fill(key: Key, services: UsedServices, actor: UsedActor) -> FillBody:
    """Fill a segment once more by a job, as after a change: if the job before was stopped."""
    async with services.pool.connection() as conn:
        await _known(conn, key)
        async with conn.transaction():
            await lock_catalog(conn)
            jobs = await begin_generations(conn, segments=[key])
            if jobs:
                await record_audit(conn, actor, "segment.fill", f"segment:{key}")
        await start_jobs(conn, services.temporal, jobs)
        state = await read_segment_state(conn, key)
    if state is None or state.job_id is None:
        raise Problem(409, "broken_document", f"the segment {key!r} can't be read: save it again")
    return FillBody(key=key, state="filling", job=state.job_id)


async def _known(conn: AsyncConnection[Any], key: str) -> None:
    if await read_document(conn, "segment", key) is None:
        raise _unknown(key)


def _unknown(key: str) -> Problem:
    return Problem(404, "unknown_segment", f"there is no segment {key!r}")


async def _segment_of(request: Request, services: Services) -> Segment:
    """The segment of a body, checked with the server's documents. Raises Problem 400 or 422."""
    text = await request.body()
    if "yaml" not in request.headers.get("content-type", "").lower():
        body = (await asyncio.to_thread(decode, text)).value
        if not isinstance(body, dict) or "if" not in body:
            raise Problem(422, "invalid_request", "if: the condition of the segment is missing")
        text = orjson.dumps({"segment": "preview", **body})
    preparation, _ = await prepare_documents(services, [("preview", text)])
    documents = preparation.documents
    if [each.kind for each in documents] != ["segment"]:
        raise Problem(422, "invalid_request", "the body is to hold one segment, and no other kind")
    return Segment.model_validate(documents[0].content)


def _body(stored: StoredDocument, state: SegmentState | None, members: int) -> SegmentBody:
    ready = state is not None and state.state == "ready"
    progress = None
    if state is not None and not ready:
        progress = Progress(done=state.done, total=state.total, job=state.job_id)
    return SegmentBody(
        key=stored.key,
        version=stored.version,
        document=stored.document,
        source=stored.source,
        updated_at=stored.updated_at,
        state="ready" if ready else "filling",
        members=members,
        dependencies=dict(state.dependencies) if state is not None else {},
        progress=progress,
        since=None if state is None else state.since,
        filled_at=None if state is None else state.filled_at,
        checked_at=None if state is None else state.checked_at,
        corrected=0 if state is None else state.corrected,
        slow_at=None if state is None else state.slow_at,
    )

"""Routes of documents other than journeys, and of whole folders of documents at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.definitions import saving
from api.definitions.following import follow_journeys
from api.definitions.lacking_attributes import LackingAttribute, lacking_attributes
from api.definitions.preparation import Prepared, Source
from api.definitions.schedule_warnings import warn_of_schedules
from api.http.audit import UsedActor
from api.http.bodies import FolderRoute, decode
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import Services, UsedServices
from api.versions.going_live import go_live, move_runs
from api.versions.in_flight import (
    InFlight,
    OverduePolicy,
    check_map,
    map_of,
    start_jobs,
)
from store.definitions.documents import Saved, StoredDocument, list_documents, read_document
from store.definitions.journeys import read_journey
from store.operations.audit import Actor

PLURALS = {
    "segments": "segment",
    "templates": "template",
    "topics": "topic",
    "places": "places",
    "channels": "channel",
    "brands": "brand",
    "forms": "form",
    "test-recipients": "test_recipients",
    "holdouts": "holdout",
}

Key = Annotated[str, Path(min_length=1, max_length=64, examples=["welcome"])]

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=FolderRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)


class SavedBody(BaseModel):
    """The result of saving a document."""

    key: str
    version: int
    state: str
    warnings: list[str]


class DocumentBody(BaseModel):
    """A document."""

    key: str
    version: int
    document: dict[str, Any]
    source: str
    """The text as it was written."""
    updated_at: Instant


class DocumentPage(BaseModel):
    """Documents by key."""

    items: list[DocumentBody]
    next: str | None


class File(BaseModel):
    """A file with one document or several."""

    model_config = ConfigDict(extra="ignore")

    filename: str = Field(max_length=1000)
    source: str


class Folder(StrictBody):
    """Files that belong together."""

    documents: list[File] = Field(min_length=1, max_length=1000)
    in_flight: InFlight = "pin"
    """The policy for the runs in flight of every journey that changes."""
    overdue: OverduePolicy = "send"


class AppliedDocument(BaseModel):
    """The result of applying a document."""

    kind: str
    key: str
    version: int
    state: str
    change: saving.DocumentChange
    filename: str
    changes: list[saving.Change]
    """Compared with what was live before; empty for a new document."""
    warnings: list[str]
    lacking: list[LackingAttribute] = Field(default_factory=list)
    """The attributes that it prints without a default and that contacts lack."""
    job: UUID | None = None
    """The job that moves the journey's runs in flight; None if there is none."""
    backfills: list[UUID] = Field(default_factory=list)
    """The jobs that enter those who are members, or have the value, already."""


Written = tuple[Prepared, dict[str, Any] | None, AppliedDocument]
"""A document that was applied, its content before, and the answer."""


class Applied(BaseModel):
    """The results of applying the files' documents, in their order."""

    documents: list[AppliedDocument]


def yaml_wanted(request: Request) -> bool:
    """Whether the caller asks for the text rather than for JSON."""
    accepted = request.headers.get("accept", "").lower()
    return "yaml" in accepted and "json" not in accepted


def document_body(description: str) -> dict[str, Any]:
    """The body of a PUT, for OpenAPI."""
    schema = {"type": "object", "description": description}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema},
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    }


async def save_single(
    request: Request, services: Services, actor: Actor, kind: str, key: str
) -> tuple[Saved, list[str]]:
    """Save the one document of the body, of this kind and key, and return it with its warnings.

    Raises Problem 400, 413 or 422.
    """
    text = await request.body()
    if "json" in request.headers.get("content-type", "").lower():
        await asyncio.to_thread(decode, text)
    return await save_text(services, actor, kind, key, text)


async def save_text(
    services: Services, actor: Actor, kind: str, key: str, text: str | bytes
) -> tuple[Saved, list[str]]:
    """Save the one document of a text, of this kind and key, and return it with its warnings.

    Raises Problem 422.
    """

    async def write(conn: saving.Conn, documents: list[Prepared]) -> tuple[Saved, list[str]]:
        [document] = documents
        return await saving.store(conn, document, actor), document.warnings

    return await saving.write_documents(services, [(key, text)], write, only=(kind, key))


def _add(plural: str, kind: str) -> None:
    async def put(
        key: Key, request: Request, services: UsedServices, actor: UsedActor
    ) -> SavedBody:
        saved, warnings = await save_single(request, services, actor, kind, key)
        return SavedBody(key=key, version=saved.version, state="active", warnings=warnings)

    async def get(key: Key, request: Request, services: UsedServices) -> Any:
        async with services.pool.connection() as conn:
            stored = await read_document(conn, kind, key)
        if stored is None:
            raise Problem(404, f"unknown_{kind}", f"there is no {kind} {key!r}")
        if yaml_wanted(request):
            return Response(stored.source, media_type="application/yaml")
        return _body(stored)

    async def listing(
        services: UsedServices, cursor: Cursor = "", limit: Limit = 100
    ) -> DocumentPage:
        async with services.pool.connection() as conn:
            stored = await list_documents(conn, kind, cursor, limit + 1)
        page, following = page_of(stored, limit, lambda each: each.key)
        return DocumentPage(items=[_body(each) for each in page], next=following)

    routes: list[tuple[str, str, Callable[..., Awaitable[Any]], Any, str]] = [
        ("PUT", f"/{plural}/{{key}}", put, SavedBody, f"Save a {kind}; it counts at once"),
        ("GET", f"/{plural}/{{key}}", get, DocumentBody, f"Read a {kind}"),
        ("GET", f"/{plural}", listing, DocumentPage, f"List {plural}"),
    ]
    if kind == "segment":
        # Their members are read with them: `api.contacts.segments`.
        routes = routes[:1]
    for method, path, endpoint, model, summary in routes:
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            summary=summary,
            operation_id=f"{endpoint.__name__}_{plural}",
            response_model=model,
            responses=responses(400, 404, 422),
            openapi_extra=document_body(f"a {kind}") if method == "PUT" else None,
        )


for _plural, _kind in PLURALS.items():
    _add(_plural, _kind)


@router.post(
    "/apply",
    summary="Save documents and make them live, all or none",
    responses=responses(409, 422),
    dependencies=[Depends(requires("operate"))],
)
async def apply(folder: Folder, services: UsedServices, actor: UsedActor) -> Applied:
    """Check all files, with each other and with the server, and write them in one transaction.

    Journeys become active, except those that an operator has paused or archived.
    """
    sources: list[Source] = [(each.filename, each.source) for each in folder.documents]

    async def write(conn: saving.Conn, documents: list[Prepared]) -> list[Written]:
        check_mapped(folder, documents)
        written = []
        for each in documents:
            before = await _live_content(conn, each)
            written.append((each, before, await _apply(conn, services, actor, folder, each)))
        return written

    written = await saving.write_documents(services, sources, write)
    applied = []
    lacking = await lacking_attributes(services, [document for document, _, _ in written])
    for (document, before, answer), lack in zip(written, lacking, strict=True):
        answer.lacking = lack.attributes
        answer.warnings += lack.warnings
        if before is not None:
            answer.changes = await saving.changes(services, before, document)
        applied.append(answer)
    async with services.pool.connection() as conn:
        jobs = [job for each in applied for job in (each.job, *each.backfills)]
        await start_jobs(conn, services.temporal, jobs)
        journeys = [each.key for each in applied if each.kind == "journey"]
        await follow_journeys(conn, services, journeys)
    return Applied(documents=applied)


def check_mapped(folder: Folder, documents: list[Prepared]) -> None:
    """Raise Problem 422 if there is a map and the files do not hold exactly one journey."""
    journeys = sum(each.is_journey for each in documents)
    if map_of(folder.in_flight) and journeys != 1:
        raise Problem(
            422,
            "invalid_request",
            f"a map names the steps of one journey, and the files hold {journeys}",
        )


async def _apply(
    conn: saving.Conn,
    services: Services,
    actor: Actor,
    folder: Folder,
    document: Prepared,
) -> AppliedDocument:
    warnings = document.warnings
    saved = await saving.store(conn, document, actor)
    state: str = "active"
    changed = saved.changed
    job: UUID | None = None
    backfills: list[UUID] = []
    if document.is_journey:
        before = await read_journey(conn, document.key)
        if before is None:
            raise LookupError(document.key)
        state = before.state
        if state == "archived":
            warnings.append(
                f"journey {document.key} is archived and stays so; activate it to take entries"
            )
        elif state == "draft" or before.active_version != saved.version:
            if map_of(folder.in_flight):
                definition = await saving.definition_of(document, saved.version)
                await check_map(conn, services.catalog, document.key, definition, folder.in_flight)
            live = await go_live(
                conn,
                actor,
                before,
                saved.version,
                document.content,
                folder.in_flight,
                folder.overdue,
            )
            state, job, backfills = live.state, live.job, live.backfills
            changed = True
        elif folder.in_flight != "pin":
            # The version is live already, and runs of earlier versions are still in flight.
            if map_of(folder.in_flight):
                definition = await saving.definition_of(document, saved.version)
                await check_map(conn, services.catalog, document.key, definition, folder.in_flight)
            job = await move_runs(
                conn, actor, document.key, saved.version, folder.in_flight, folder.overdue
            )
        if state == "paused":
            warnings.append(f"journey {document.key} is paused and stays so")
        warnings += await warn_of_schedules(conn, document)
    change: saving.DocumentChange
    if saved.new:
        change = "created"
    else:
        change = "updated" if changed else "unchanged"
    return AppliedDocument(
        kind=document.kind,
        key=document.key,
        version=saved.version,
        state=state,
        change=change,
        filename=document.file,
        changes=[],
        warnings=warnings,
        job=job,
        backfills=backfills,
    )


async def _live_content(conn: saving.Conn, document: Prepared) -> dict[str, Any] | None:
    """The edition that counts now: of a journey the live version, else its newest one."""
    if not document.is_journey:
        stored = await read_document(conn, document.kind, document.key)
        return None if stored is None else stored.document
    newest = await read_journey(conn, document.key)
    if newest is None or newest.active_version in (None, newest.version):
        return None if newest is None else newest.document
    live = await read_journey(conn, document.key, newest.active_version)
    return None if live is None else live.document


def _body(stored: StoredDocument) -> DocumentBody:
    return DocumentBody(
        key=stored.key,
        version=stored.version,
        document=stored.document,
        source=stored.source,
        updated_at=stored.updated_at,
    )

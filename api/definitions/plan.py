"""Route of the plan: what applying files would change, with a preview of runs in flight."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.documents import Folder, check_mapped
from api.definitions.lacking_attributes import LackingAttribute, lacking_attributes
from api.definitions.preparation import Prepared, Source
from api.definitions.schedule_warnings import warn_of_schedules
from api.http.bodies import FolderRoute
from api.http.keys import UsedKey, requires
from api.http.problems import responses
from api.services import Services, UsedServices
from api.versions.backfills import BackfillBody, preview_backfills_of
from api.versions.in_flight import check_map
from api.versions.preview import Preview, PreviewJob, preview
from store.definitions.documents import hash_content, read_document
from store.definitions.journeys import StoredJourney, read_journey
from store.versions.migration_preview import runs_by_step
from store.versions.planned_version import PlannedVersion

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=FolderRoute,
    dependencies=[Depends(requires("edit"))],
)


class Standing(BaseModel):
    """The number of active runs at a step."""

    version: int
    step: str | None
    """Null: before the first."""
    runs: int


class PlannedDocument(BaseModel):
    """The result that applying a document would have."""

    kind: str
    key: str
    filename: str
    change: saving.DocumentChange
    version: int
    """The version that would be live."""
    changes: list[saving.Change]
    """Compared with the live version, else with the newest."""
    runs: list[Standing]
    """Of a journey: its active runs by version and step."""
    in_flight: Preview | None
    """Of a journey with active runs of other versions; null while a job previews them."""
    preview_job: UUID | None = None
    """The job that previews the runs, because they are many: see `GET /v1/jobs/{id}`."""
    backfills: list[BackfillBody] = Field(default_factory=list)
    """Who would enter when a journey goes live, because they are members already."""
    warnings: list[str]
    lacking: list[LackingAttribute] = Field(default_factory=list)
    """The attributes that it prints without a default and that contacts lack."""


class Planned(BaseModel):
    """The results that applying the files' documents would have, in their order."""

    documents: list[PlannedDocument]


@router.post("/plan", summary="Show what applying would change", responses=responses(422))
async def plan(folder: Folder, services: UsedServices, key: UsedKey) -> Planned:
    """Check files as `apply` does and compare them with the live versions. Changes nothing."""
    sources: list[Source] = [(each.filename, each.source) for each in folder.documents]
    preparation, _ = await saving.prepare_documents(services, sources)
    documents = preparation.documents
    check_mapped(folder, documents)
    segments = {each.key: each.content for each in documents if each.kind == "segment"}
    planned: list[PlannedDocument] = []
    lacking = await lacking_attributes(services, documents)
    async with services.pool.connection() as conn:
        for document, lack in zip(documents, lacking, strict=True):
            if document.is_journey:
                each = await _journey(conn, services, folder, document, segments)
            else:
                each = await _document(conn, services, document)
            each.warnings += [*document.warnings, *lack.warnings]
            each.warnings += await warn_of_schedules(conn, document)
            each.lacking = lack.attributes
            if each.in_flight is not None and not key.includes("read"):
                each.in_flight.sent_at_once.contacts = []
            planned.append(each)
    return Planned(documents=planned)


async def _document(conn: saving.Conn, services: Services, document: Prepared) -> PlannedDocument:
    stored = await read_document(conn, document.kind, document.key)
    planned = _unchanged(document, stored.version if stored else 1)
    if stored is None:
        planned.change = "created"
    elif hash_content(stored.document) != hash_content(document.content):
        planned.changes = await saving.changes(services, stored.document, document)
        planned.change, planned.version = "updated", stored.version + 1
    return planned


async def _journey(
    conn: saving.Conn,
    services: Services,
    folder: Folder,
    journey: Prepared,
    segments: dict[str, dict[str, Any]],
) -> PlannedDocument:
    newest = await read_journey(conn, journey.key)
    if newest is None:
        planned = _unchanged(journey, 1)
        planned.change = "created"
        planned.backfills = await _backfills(conn, journey, 1, None, segments)
        return planned
    same = hash_content(newest.document) == hash_content(journey.content)
    version = newest.version if same else newest.version + 1
    planned = _unchanged(journey, version)
    live = await read_journey(conn, journey.key, newest.active_version)
    assert live is not None
    if newest.active_version != version or newest.state == "draft":
        planned.change = "updated"
        planned.changes = await saving.changes(services, live.document, journey)
        if newest.state != "archived":
            planned.backfills = await _backfills(conn, journey, version, newest, segments)
    planned.runs = [
        Standing(version=each.version, step=each.step, runs=each.runs)
        for each in await runs_by_step(conn, journey.key)
    ]
    if newest.state != "archived" and any(each.version != version for each in planned.runs):
        assert journey.program is not None
        unsaved = PlannedVersion(journey.content, journey.program, segments)
        definition = await unsaved.definition(conn, journey.key, version)
        await check_map(conn, services.catalog, journey.key, definition, folder.in_flight)
        found = await preview(
            conn,
            services,
            definition,
            folder.in_flight,
            folder.overdue,
            paused=newest.state == "paused",
            planned=unsaved,
        )
        if isinstance(found, PreviewJob):
            planned.preview_job = found.job
        else:
            planned.in_flight = found
    return planned


async def _backfills(
    conn: saving.Conn,
    journey: Prepared,
    version: int,
    before: StoredJourney | None,
    segments: dict[str, dict[str, Any]],
) -> list[BackfillBody]:
    assert journey.program is not None
    unsaved = PlannedVersion(journey.content, journey.program, segments)
    definition = await unsaved.definition(conn, journey.key, version)
    return await preview_backfills_of(conn, definition, before, definition.segments)


def _unchanged(document: Prepared, version: int) -> PlannedDocument:
    return PlannedDocument(
        kind=document.kind,
        key=document.key,
        filename=document.file,
        change="unchanged",
        version=version,
        changes=[],
        runs=[],
        in_flight=None,
        warnings=[],
    )

"""Routes of erasures: erase a contact in one call, and show what was done."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from api.contacts.contacts import ContactId
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, page_of, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.times import Instant
from api.services import Services, UsedServices
from dispatch.jobs import start_job
from store.contacts.erasure import BegunErasure, begin_erasure
from store.contacts.erasure_listing import ErasureReport, list_reports, read_report
from store.contacts.erasure_pages import erase_page
from store.contacts.rows import find_contact
from store.operations.audit import Actor, record_audit
from store.reports.person_export import COUNTED, count_rows

router = APIRouter(
    prefix="/v1",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("admin"))],
)

_ATTEMPTS = 3
"""A contact may be merged into another one between the look at its id and its lock."""
_START_SECONDS = 1.5

_log = structlog.get_logger(__name__)


class ErasureBody(BaseModel):
    """An erasure: what was done, when, and by which key. Nothing in it names the contact."""

    id: UUID
    state: str
    """`running` until the job has removed all that is left; then `done`."""
    job: UUID | None
    subjects: list[str]
    """Hashes of the contact's ids, under the key of the installation."""
    requested_at: Instant
    requested_by: str
    """The key's name, or its scope if it has none."""
    finished_at: Instant | None
    suppressed: int
    """Addresses that this erasure suppressed."""
    removed: dict[str, int]
    """Rows by kind of data."""


class ErasurePreview(BaseModel):
    """What an erasure would remove, as far as it is kept in rows about the contact."""

    contact: str
    rows: dict[str, int]
    """Rows by kind of data, counted up to 10,000 of each. Suppressions stay."""
    more: list[str]
    """Kinds of which there may be more rows."""


class ErasurePage(BaseModel):
    """A page of erasures, the newest first."""

    items: list[ErasureBody]
    next: str | None


@router.delete(
    "/contacts/{contact}",
    status_code=204,
    summary="Erase a contact and its data",
    responses={
        202: {"model": ErasureBody, "description": "It is gone; a job removes what is left."},
        **responses(404, 409),
    },
)
async def erase_contact(
    contact: ContactId,
    services: UsedServices,
    actor: UsedActor,
    suppress: Annotated[
        bool,
        Query(description="Also suppress its addresses, so that nothing is ever sent to them."),
    ] = False,
) -> Response:
    """Erase a contact: nothing finds it any more, its runs end, and its data are removed.

    What few rows it has are gone with the answer; of many rows a job removes the rest (202). The
    same job removes its workflows from Temporal. Suppressions stay, as hashes. `Location` is that
    of the report.
    """
    begun, more = await _erase(services, contact, actor, suppressing=suppress)
    if services.inbox is not None and begun.addresses:
        await asyncio.to_thread(services.inbox.remove, begun.addresses)
    await _start(services, begun)
    headers = {"Location": f"/v1/erasures/{begun.id}"}
    if not more:
        return Response(status_code=204, headers=headers)
    async with services.pool.connection() as conn:
        report = await read_report(conn, begun.id)
    assert report is not None
    return Response(
        erasure_body(report).model_dump_json(), 202, headers, media_type="application/json"
    )


@router.get(
    "/contacts/{contact}/erasure",
    summary="Preview the erasure of a contact",
    responses=responses(404),
)
async def get_preview(contact: ContactId, services: UsedServices) -> ErasurePreview:
    """How many rows of each kind are held about the contact. Nothing is changed."""
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        rows = await count_rows(conn, contact_id)
    return ErasurePreview(
        contact=contact, rows=rows, more=[kind for kind, count in rows.items() if count >= COUNTED]
    )


@router.get("/erasures", summary="List erasures", responses=responses(400, 422))
async def get_erasures(
    services: UsedServices,
    contact: Annotated[
        str | None,
        Query(min_length=1, max_length=500, description="An id that the erased contact had."),
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> ErasurePage:
    """The erasures of a contact that had this id, or all of them, the newest first."""
    before = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if before is not None and await read_report(conn, before) is None:
            raise unknown_cursor(cursor)
        found = await list_reports(conn, contact=contact, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda each: str(each.id))
    return ErasurePage(items=[erasure_body(each) for each in page], next=following)


@router.get("/erasures/{erasure}", summary="Show an erasure", responses=responses(404, 422))
async def get_erasure(erasure: Annotated[UUID, Path()], services: UsedServices) -> ErasureBody:
    """What an erasure has done so far."""
    async with services.pool.connection() as conn:
        report = await read_report(conn, erasure)
    if report is None:
        raise unknown("erasure", str(erasure))
    return erasure_body(report)


def erasure_body(report: ErasureReport) -> ErasureBody:
    """The body for a report of the store."""
    return ErasureBody(
        id=report.id,
        state="running" if report.finished_at is None else "done",
        job=report.job_id,
        subjects=report.subjects,
        requested_at=report.requested_at,
        requested_by=report.requested_by,
        finished_at=report.finished_at,
        suppressed=report.suppressed,
        removed=report.removed,
    )


async def _erase(
    services: Services, reference: str, actor: Actor, *, suppressing: bool
) -> tuple[BegunErasure, bool]:
    """Make a contact unknown and remove its first rows; whether any are left."""
    for _ in range(_ATTEMPTS):
        async with services.pool.connection() as conn, conn.transaction():
            contact_id = await find_contact(conn, reference)
            if contact_id is None:
                raise unknown("contact", reference)
            begun = await begin_erasure(
                conn, contact_id, suppressing=suppressing, key_id=actor.key_id
            )
            if begun is not None:
                after = {"suppressing": suppressing}
                await record_audit(conn, actor, "contact.erase", f"erasure:{begun.id}", after=after)
                return begun, await erase_page(conn, begun.id)
    raise Problem(
        409, "merged", "the contact is being merged into another one at this moment: try again"
    )


async def _start(services: Services, begun: BegunErasure) -> None:
    """Start the job, as far as Temporal answers; otherwise a worker does so later."""
    try:
        async with asyncio.timeout(_START_SECONDS), services.pool.connection() as conn:
            await start_job(conn, services.temporal, begun.job_id)
    except TimeoutError:
        _log.warning("erasure_starts_later", job=str(begun.job_id))

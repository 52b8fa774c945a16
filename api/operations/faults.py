"""Route of faults: what went wrong, and the one run, contact, event or document that has it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number, page_of
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from store.contacts.rows import find_contact
from store.operations.fault_listing import FaultState, list_faults

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class FaultBody(BaseModel):
    """What went wrong at one thing, in one part of the engine, by one code."""

    id: int
    at: Instant
    """When it was last recorded: once an hour while it lasts."""
    since: Instant
    state: FaultState
    """`retrying`, `given_up` (an event whose dispatch ended), or `recorded`: nothing is planned."""
    attempts: int | None
    """How often it was tried; null unless it is tried again."""
    next_try_at: Instant | None
    subject: str
    """What has the fault: `event ID`, `run ID VISIT`, `journey KEY`, `segment KEY`, `job ID`…"""
    part: str
    """The activity, or the part of a worker, in which it showed."""
    code: str
    detail: str
    journey: str | None
    """Of the run, if a run has the fault."""
    run: UUID | None
    visit: int | None
    contact: str | None
    event: int | None


class FaultPage(BaseModel):
    """A page of faults."""

    items: list[FaultBody]
    next: str | None


@router.get("/faults", summary="List faults, the newest first", responses=responses(400, 404, 422))
async def get_faults(
    services: UsedServices,
    contact: Annotated[str | None, Query(min_length=1, max_length=500)] = None,
    subject: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    code: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> FaultPage:
    """What went wrong in the last 90 days, each thing once; of all, or of one contact."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        contact_id = None
        if contact is not None:
            contact_id = await find_contact(conn, contact)
            if contact_id is None:
                raise unknown("contact", contact)
        found = await list_faults(
            conn,
            contact=contact_id,
            subject=subject,
            code=code,
            before=before,
            limit=limit + 1,
        )
    page, following = page_of(found, limit, lambda fault: str(fault.id))
    return FaultPage(
        items=[
            FaultBody(
                id=fault.id,
                at=fault.happened_at,
                since=fault.since,
                state=fault.state,
                attempts=fault.attempts,
                next_try_at=fault.next_try_at,
                subject=fault.subject,
                part=fault.activity,
                code=fault.code,
                detail=fault.detail,
                journey=fault.journey,
                run=fault.run_id,
                visit=fault.visit,
                contact=fault.contact,
                event=fault.event_id,
            )
            for fault in page
        ],
        next=following,
    )

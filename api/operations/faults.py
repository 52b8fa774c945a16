"""Route of faults: what went wrong, at what, and when it is tried again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number, page_of
from api.http.problems import responses
from api.http.times import Instant
from api.services import UsedServices
from store.reports.fault_listing import FaultState, ListedFault, list_faults

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)


class FaultBody(BaseModel):
    """What went wrong at one thing, in one part of the engine, by one code."""

    id: int
    subject: str
    """What has the fault: `run ID VISIT`, `event ID`, `contact ID`, `journey KEY`, `job ID`…"""
    code: str
    part: str
    """The activity, or the part of a worker, in which it showed."""
    since: Instant
    last_at: Instant
    """When it was last recorded: once an hour while it lasts."""
    attempts: int | None
    """How often it was tried; null unless it is tried again."""
    next_try_at: Instant | None
    state: FaultState
    """`retrying`, `given_up` (an event whose dispatch ended), or `recorded`: nothing is planned."""
    detail: str
    run: UUID | None
    visit: int | None
    event: int | None
    contact: str | None


class FaultPage(BaseModel):
    """A page of faults, newest first."""

    items: list[FaultBody]
    next: str | None


@router.get("/faults", summary="List faults", responses=responses(400, 422))
async def get_faults(
    services: UsedServices,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    code: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> FaultPage:
    """What went wrong in the last 90 days, each thing once, the newest first."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        found = await list_faults(conn, subject=subject, code=code, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda fault: str(fault.id))
    return FaultPage(items=[_body(fault) for fault in page], next=following)


def _body(fault: ListedFault) -> FaultBody:
    return FaultBody(
        id=fault.id,
        subject=fault.subject,
        code=fault.code,
        part=fault.part,
        since=fault.since,
        last_at=fault.last_at,
        attempts=fault.attempts,
        next_try_at=fault.next_try_at,
        state=fault.state,
        detail=fault.detail,
        run=fault.run_id,
        visit=fault.visit,
        event=fault.event_id,
        contact=fault.contact,
    )

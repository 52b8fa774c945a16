"""Routes of where runs stand: those of a contact, and those that make no progress."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.contacts.contacts import ContactId
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Limit, unknown_cursor
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.operations.explain import WaitingBody
from api.runs.bodies import RunBody, run_body
from api.services import UsedServices
from store.contacts.rows import find_contact
from store.reports.run_listing import BadCursor
from store.reports.standing import Standing, runs_of_contact, stuck_runs
from store.tables.runs import RunState

router = APIRouter(
    prefix="/v1",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class StandingBody(RunBody):
    """A run, and what it waits for."""

    waiting: WaitingBody | None
    """Null if it has ended, or if its version no longer validates."""


class StandingPage(BaseModel):
    """A page of a contact's runs, the newest first."""

    items: list[StandingBody]
    next: str | None


class StuckBody(BaseModel):
    """A run that is due and makes no progress."""

    id: UUID
    journey: str
    version: int
    contact: str
    step: str | None
    since: Instant
    reason: str
    """`over_and_not_ended` (a wait), `due_and_not_tried` (a send), `workflow_not_started`,
    `move_not_taken` or `claim_not_settled`."""


class StuckList(BaseModel):
    """Runs without progress, those first that are so for the longest time."""

    items: list[StuckBody]


@router.get(
    "/contacts/{contact}/runs",
    summary="List the runs of a contact, and what each waits for",
    responses=responses(400, 404, 422),
)
async def get_runs_of(
    contact: ContactId,
    services: UsedServices,
    state: RunState | None = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
) -> StandingPage:
    """Where a contact is in every journey: each run with its step, and until when it waits."""
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        try:
            found, following = await runs_of_contact(
                conn,
                services.catalog,
                str(contact_id),
                state=state,
                cursor=cursor or None,
                limit=limit,
            )
        except BadCursor:
            raise unknown_cursor(cursor or "") from None
    return StandingPage(
        items=[_standing(each) for each in found],
        next=None if following is None else str(following),
    )


@router.get("/runs/stuck", summary="List runs that make no progress", responses=responses(422))
async def get_stuck(
    services: UsedServices,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
) -> StuckList:
    """Runs that were due more than five minutes ago and have not gone on, the longest first."""
    async with services.pool.connection() as conn:
        found = await stuck_runs(conn, journey, limit)
    return StuckList(
        items=[
            StuckBody(
                id=each.id,
                journey=each.journey,
                version=each.version,
                contact=each.contact,
                step=each.step,
                since=each.since,
                reason=each.reason,
            )
            for each in found
        ]
    )


def _standing(standing: Standing) -> StandingBody:
    fields: dict[str, Any] = run_body(standing.run)
    waiting = (
        None
        if standing.waiting is None
        else WaitingBody.model_validate(standing.waiting, from_attributes=True)
    )
    return StandingBody(**fields, waiting=waiting)

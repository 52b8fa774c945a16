"""The route of the history of a contact's fields and attributes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.contacts.contacts import ContactId
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from store.contacts.changes import changes_of
from store.contacts.rows import find_contact

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("read"))],
)
_NEWEST = 2**63 - 1


class ChangeBody(BaseModel):
    """A field or attribute that changed."""

    model_config = ConfigDict(populate_by_name=True)

    event_id: int
    """The event that records it."""
    at: Instant
    name: str
    before: Annotated[Any, Field(alias="from")]
    """None if there was none, and of a long value."""
    after: Annotated[Any, Field(alias="to")]
    """None if it was removed, and of a long value."""
    complete: bool
    """False: a value of more than 256 bytes is not repeated here as a whole."""
    reason: str | None
    """What an operator said about it."""
    merged: bool
    """Whether it came with the merge of another contact."""


class ChangePage(BaseModel):
    """Changes, the newest first."""

    items: list[ChangeBody]
    next: str | None


@router.get(
    "/{contact}/changes",
    summary="List the changes of a contact's fields and attributes",
    responses=responses(400, 404),
)
async def list_changes(
    contact: ContactId,
    services: UsedServices,
    name: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="a field or an attribute, such as score"),
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> ChangePage:
    """The history of the score, of the lifecycle or of any other value. `limit` counts events."""
    before = cursor_number(cursor) if cursor else _NEWEST
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        found = await changes_of(
            conn, contact_id, None if name is None else [name], before, limit + 1
        )
    events = list(dict.fromkeys(each.event_id for each in found))
    last = events[limit - 1] if len(events) > limit else None
    return ChangePage(
        items=[
            ChangeBody.model_validate(each, from_attributes=True)
            for each in found
            if last is None or each.event_id >= last
        ],
        next=None if last is None else str(last),
    )

"""Route of the submissions of a form: who filled it in, and with what."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from journeys.model.json_values import read_json
from store.definitions.documents import read_document
from store.forms.submission_listing import list_submissions

router = APIRouter(
    prefix="/v1/forms",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class SubmissionBody(BaseModel):
    """A form that was filled in."""

    id: int
    """Of its event."""
    contact: str
    at: Instant
    fields: dict[str, Any]
    """What was filled in, by field; and the page that it stood on, if that is another."""


class SubmissionPage(BaseModel):
    """Submissions, the newest first. A page may be empty although there are older ones."""

    items: list[SubmissionBody]
    next: str | None


@router.get(
    "/{key}/submissions",
    summary="List who filled in a form, the newest first",
    responses=responses(400, 404),
)
async def get_submissions(
    key: Key, services: UsedServices, cursor: Cursor = "", limit: Limit = 50
) -> SubmissionPage:
    """Submissions that were taken. Those that look like a robot's are among the rejected events."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if await read_document(conn, "form", key) is None:
            raise unknown("form", key)
        found, older = await list_submissions(conn, key, before, limit)
    items = []
    for each in found:
        fields = read_json(each.properties)
        fields.pop("form", None)
        items.append(
            SubmissionBody(id=each.id, contact=each.contact, at=each.occurred_at, fields=fields)
        )
    return SubmissionPage(items=items, next=None if older is None else str(older))

"""The route of the catalogue of events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import responses
from api.services import UsedServices
from journeys.model.well_known_events import WELL_KNOWN_EVENTS
from store.events.event_catalog import KnownEvent, read_event_catalog

router = APIRouter(
    prefix="/v1/events/catalog",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class EventPropertyBody(BaseModel):
    """A property that events of a name have."""

    name: str
    types: list[Literal["text", "number", "truth", "list", "object"]]
    """The types of values that were seen."""
    examples: list[Any]
    """Up to three short values."""


class EventNameBody(BaseModel):
    """An event by its name."""

    name: str
    well_known: bool
    """Whether it has a meaning of its own, so that the name is never another event's."""
    seen: int
    """How many of the events that were read for this list have the name; 0 for one that is named
    by documents alone."""
    properties: list[EventPropertyBody]


class EventNamePage(BaseModel):
    """Events by name."""

    items: list[EventNameBody]
    next: str | None


@router.get("", summary="List the names of events", responses=responses(400, 422))
async def list_event_names(
    services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> EventNamePage:
    """Names of events with their properties: of documents, of the latest events and of a sample.

    Well-known events are there in any case. Of a name that is very rare, none may be there.
    """
    # All pages of an hour are of one sample.
    seed = int(datetime.now(UTC).timestamp()) // 3600
    async with services.pool.connection() as conn:
        catalog = await read_event_catalog(conn, seed)
    names = sorted({*catalog, *WELL_KNOWN_EVENTS})
    found = [each for each in names if each > cursor][: limit + 1]
    page, following = page_of(found, limit, lambda each: each)
    return EventNamePage(
        items=[_body(catalog.get(each) or KnownEvent(each, 0)) for each in page], next=following
    )


def _body(event: KnownEvent) -> EventNameBody:
    seen = {each.name for each in event.properties}
    meant = WELL_KNOWN_EVENTS.get(event.name)
    needed = [name for name in (() if meant is None else meant.properties) if name not in seen]
    return EventNameBody(
        name=event.name,
        well_known=meant is not None,
        seen=event.seen,
        properties=[
            *(EventPropertyBody.model_validate(p, from_attributes=True) for p in event.properties),
            *(EventPropertyBody(name=name, types=[], examples=[]) for name in needed),
        ],
    )

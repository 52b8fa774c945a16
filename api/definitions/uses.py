"""Route of the uses of documents: which documents name a template, a topic or a segment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires_one_of
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import responses
from api.services import UsedServices
from journeys.model.documents import DocumentKind
from store.definitions.uses import Use, UsedKind, list_uses

router = APIRouter(
    prefix="/v1/documents",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)


class UseBody(BaseModel):
    """A document that names another one, or a pool of coupons."""

    key: str
    """What is named."""
    by: DocumentKind
    """The kind of the document that names it."""
    by_key: str
    name: str | None
    """The name of that document, if it has one beside its key."""
    state: str | None
    """Of a journey."""
    live: bool
    """Whether what counts now names it; false if only a version of a journey that is not live."""


class UsePage(BaseModel):
    """Uses by what is named, then by the kind and key of what names it."""

    items: list[UseBody]
    next: str | None


@router.get("/uses", summary="List where documents are used", responses=responses(400))
async def get_uses(
    services: UsedServices,
    kind: UsedKind,
    key: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> UsePage:
    """The documents that name those of a kind, or one of them.

    Of a journey, its live version and its newest one count.
    """
    after = ("", "", "")
    if cursor:
        parts = cursor.rsplit("/", 2)
        if len(parts) != 3:
            raise unknown_cursor(cursor)
        after = (parts[0], parts[1], parts[2])
    async with services.pool.connection() as conn:
        uses = await list_uses(conn, kind, key, after, limit + 1)
    page, following = page_of(uses, limit, lambda use: f"{use.key}/{use.by}/{use.by_key}")
    return UsePage(items=[_body(use) for use in page], next=following)


def _body(use: Use) -> UseBody:
    return UseBody(
        key=use.key,
        by=use.by,
        by_key=use.by_key,
        name=use.name,
        state=use.state,
        live=use.live,
    )

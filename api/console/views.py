"""Routes of saved views: lists of the console with their filters, under names."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires_one_of
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import UsedServices
from store.operations.api_keys import KeyInfo
from store.operations.saved_views import (
    MOST_VIEWS,
    SHARED,
    SavedView,
    TooManyViews,
    delete_view,
    list_views,
    read_view,
    save_view,
)

router = APIRouter(
    prefix="/v1/views",
    tags=["console"],
    route_class=StrictRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)

PAGE_PATTERN = r"^/[A-Za-z0-9/_.~%-]*$"

ViewName = Annotated[str, Path(min_length=1, max_length=80, examples=["Stuck since Monday"])]
Shared = Annotated[bool, Query(description="the one that all see, and not your key's own")]
_MARKS = {"shared": True, "own": False}


class View(StrictBody):
    """A list with its filters."""

    page: str = Field(max_length=200, pattern=PAGE_PATTERN)
    """The path below `/console`, such as `/runs`."""
    query: str = Field(default="", max_length=2_000)
    """What follows `?` in its address."""


class ViewBody(BaseModel):
    """A saved view."""

    name: str
    page: str
    query: str
    shared: bool
    """Whether all see it; otherwise it is your key's own."""
    saved_by: str
    saved_at: Instant


class ViewPage(BaseModel):
    """Saved views by name."""

    items: list[ViewBody]
    next: str | None


@router.get("", summary="List saved views", responses=responses())
async def get_views(
    services: UsedServices,
    key: UsedKey,
    page: Annotated[str | None, Query(max_length=200, description="those of one page")] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> ViewPage:
    """The views of your key, and those that all share, by name."""
    after = ("", True)
    if cursor:
        mark, dot, name = cursor.partition(".")
        if mark not in _MARKS or not dot:
            raise unknown_cursor(cursor)
        after = (name, _MARKS[mark])
    async with services.pool.connection() as conn:
        rows = await list_views(conn, key.id, page, after, limit + 1)
    found, following = page_of(
        rows, limit, lambda row: f"{'shared' if row.shared else 'own'}.{row.name}"
    )
    return ViewPage(items=[_body(row) for row in found], next=following)


@router.get("/{name}", summary="Read a saved view", responses=responses(404))
async def get_view(
    name: ViewName, services: UsedServices, key: UsedKey, shared: Shared = False
) -> ViewBody:
    """The view of your key under this name, else the one that all share."""
    async with services.pool.connection() as conn:
        view = await read_view(conn, SHARED if shared else str(key.id), name)
    if view is None:
        raise unknown("view", name)
    return _body(view)


@router.put("/{name}", summary="Save a view", responses=responses(409))
async def put_view(
    name: ViewName, view: View, services: UsedServices, key: UsedKey, shared: Shared = False
) -> ViewBody:
    """Save a list with its filters, in the place of the view that has this name."""
    owner = _owner(key, shared=shared)
    async with services.pool.connection() as conn:
        try:
            await save_view(conn, owner, name, view.page, view.query, by=key.name)
        except TooManyViews:
            raise Problem(
                409, "too_many_views", f"there are {MOST_VIEWS} views: delete some of them"
            ) from None
        saved = await read_view(conn, owner, name)
    if saved is None:
        raise unknown("view", name)
    return _body(saved)


@router.delete("/{name}", status_code=204, summary="Delete a saved view", responses=responses(404))
async def remove_view(
    name: ViewName, services: UsedServices, key: UsedKey, shared: Shared = False
) -> Response:
    """Delete the view of your key under this name, or with `shared` the one that all share."""
    async with services.pool.connection() as conn:
        if not await delete_view(conn, _owner(key, shared=shared), name):
            raise unknown("view", name)
    return Response(status_code=204)


def _owner(key: KeyInfo, *, shared: bool) -> str:
    if shared and not key.includes("edit"):
        raise Problem(403, "forbidden", "a view that all share needs a key of scope edit")
    return SHARED if shared else str(key.id)


def _body(view: SavedView) -> ViewBody:
    return ViewBody(
        name=view.name,
        page=view.page,
        query=view.query,
        shared=view.shared,
        saved_by=view.saved_by,
        saved_at=view.saved_at,
    )

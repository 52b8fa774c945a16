"""Routes of a journey's versions: their history, and the differences between two of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.definitions import saving
from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Limit, page_of
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from store.definitions.journeys import list_editions, read_journey

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)

_HIGHEST = 2**31 - 1
Version = Annotated[int, Query(ge=1, le=_HIGHEST)]


class Edition(BaseModel):
    """A version of a journey."""

    version: int
    created_at: Instant
    active_runs: int
    live: bool
    """Whether new runs get it."""


class EditionPage(BaseModel):
    """Versions, newest first."""

    items: list[Edition]
    next: str | None


class Difference(BaseModel):
    """The changes between two versions of a journey."""

    journey: str
    before: int
    after: int
    changes: list[saving.Change]


@router.get("/{key}/versions", summary="List the versions of a journey", responses=responses(404))
async def get_versions(
    key: Key,
    services: UsedServices,
    cursor: Annotated[int, Query(ge=1, le=_HIGHEST)] = _HIGHEST,
    limit: Limit = 100,
) -> EditionPage:
    """Versions, newest first, each with the number of its active runs."""
    async with services.pool.connection() as conn:
        if await read_journey(conn, key) is None:
            raise Problem(404, "unknown_journey", f"there is no journey {key!r}")
        found = await list_editions(conn, key, cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: str(each.version))
    return EditionPage(
        items=[
            Edition(
                version=each.version,
                created_at=each.created_at,
                active_runs=each.active_runs,
                live=each.live,
            )
            for each in page
        ],
        next=following,
    )


@router.get("/{key}/diff", summary="Compare two versions of a journey", responses=responses(404))
async def get_difference(
    key: Key,
    services: UsedServices,
    before: Version | None = None,
    after: Version | None = None,
) -> Difference:
    """The changes from `before` (the live version by default) to `after` (the newest)."""
    async with services.pool.connection() as conn:
        newest = await read_journey(conn, key)
        if newest is None:
            raise Problem(404, "unknown_journey", f"there is no journey {key!r}")
        old = before or newest.active_version or newest.version
        new = after or newest.newest_version
        documents = []
        for version in (old, new):
            stored = await read_journey(conn, key, version)
            if stored is None:
                raise Problem(
                    404, "unknown_journey", f"there is no version {version} of journey {key!r}"
                )
            documents.append(stored)
    size = max(len(each.source) for each in documents)
    changes = await saving.compare(services, documents[0].document, documents[1].document, size)
    return Difference(journey=key, before=old, after=new, changes=changes)

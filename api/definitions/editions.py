"""Routes of a journey's versions: their history, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.definitions import saving
from api.definitions.documents import Key
from api.definitions.edition_changes import (
    BeforeVersion,
    VersionInPath,
    WithChanges,
    changes_of,
    check_limit,
)
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Limit, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.http.times import Instant
from api.services import Services, UsedServices
from store.definitions.editions import LiveTime, list_editions, live_times
from store.definitions.journeys import StoredJourney, read_journey

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)

Version = Annotated[int, Query(ge=1, le=LARGEST_INTEGER)]


class LiveTimeBody(BaseModel):
    """A time in which new runs got a version."""

    since: Instant
    by: str | None
    """The name of the key that activated it; null if it is not known."""
    until: Instant | None
    """Null: it lasts."""


class Edition(BaseModel):
    """A version of a journey."""

    version: int
    created_at: Instant
    saved_by: str | None
    """The name of the key that saved it; null if it is not known."""
    active_runs: int
    live: bool
    """Whether new runs get it."""
    live_times: list[LiveTimeBody]
    """When new runs got it, and who activated it; the newest first, twenty at most."""
    changes: list[str] | None
    """What it changed, in words, if that was asked for; the first twenty."""


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


@router.get(
    "/{key}/versions", summary="List the versions of a journey", responses=responses(404, 422)
)
async def get_versions(
    key: Key,
    services: UsedServices,
    cursor: BeforeVersion = LARGEST_INTEGER,
    limit: Limit = 100,
    changes: WithChanges = False,
) -> EditionPage:
    """Versions, newest first: who saved them, when they were live, and their active runs."""
    check_limit(limit, changes)
    contents: dict[int, Mapping[str, Any]] = {}
    async with services.pool.connection() as conn:
        await _journey(conn, key)
        found = await list_editions(conn, key, cursor, limit + 1)
        page, following = page_of(found, limit, lambda each: str(each.version))
        times = await live_times(conn, key, [each.version for each in page])
        for each in found if changes else []:
            contents[each.version] = (await _journey(conn, key, each.version)).document
    words = await changes_of(services, contents)
    return EditionPage(
        items=[
            Edition(
                version=each.version,
                created_at=each.created_at,
                saved_by=each.saved_by,
                active_runs=each.active_runs,
                live=each.live,
                live_times=[_live_time(time) for time in times.get(each.version, [])],
                changes=words.get(each.version, []) if changes else None,
            )
            for each in page
        ],
        next=following,
    )


@router.get(
    "/{key}/diff", summary="Compare two versions of a journey", responses=responses(404, 422)
)
async def get_difference(
    key: Key,
    services: UsedServices,
    before: Version | None = None,
    after: Version | None = None,
) -> Difference:
    """The changes from `before` (the live version by default) to `after` (the newest)."""
    async with services.pool.connection() as conn:
        newest = await _journey(conn, key)
    old = before or newest.active_version or newest.version
    return await _difference(services, key, old, after or newest.newest_version)


@router.get(
    "/{key}/versions/{before}/diff/{after}",
    summary="Compare any two versions of a journey",
    responses=responses(404, 422),
)
async def get_difference_of(
    key: Key, before: VersionInPath, after: VersionInPath, services: UsedServices
) -> Difference:
    """The changes from one version to another, which may be an earlier one."""
    return await _difference(services, key, before, after)


async def _difference(services: Services, key: str, before: int, after: int) -> Difference:
    async with services.pool.connection() as conn:
        old = await _journey(conn, key, before)
        new = await _journey(conn, key, after)
    size = max(len(old.source), len(new.source))
    changes = await saving.compare(services, old.document, new.document, size)
    return Difference(journey=key, before=before, after=after, changes=changes)


async def _journey(conn: saving.Conn, key: str, version: int | None = None) -> StoredJourney:
    found = await read_journey(conn, key, version)
    if found is None:
        what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
        raise Problem(404, "unknown_journey", f"there is no {what}")
    return found


def _live_time(time: LiveTime) -> LiveTimeBody:
    return LiveTimeBody(since=time.since, by=time.by, until=time.until)

"""Routes over documents of all kinds: what uses a topic, a pool and so on, and what has a name."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.definitions.use_index import User
from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.paging import Limit, page_of, unknown_cursor
from api.http.problems import responses
from api.services import UsedServices
from journeys.checks.uses import UsedKind
from journeys.model.documents import DocumentKind
from journeys.model.journey_state import JourneyState
from store.definitions.finding import find_names

router = APIRouter(
    prefix="/v1/documents",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)


class UseBody(BaseModel):
    """A document that names a thing."""

    kind: UsedKind
    key: str
    by: DocumentKind
    """The kind of the document that names it."""
    by_key: str
    name: str | None
    """The name that this document gives itself."""
    version: int
    state: JourneyState | None
    """Of a journey."""
    live: bool
    """False: of a journey, no version that is live does, but the newest one."""
    steps: list[str]
    """The steps that name it; none if it is named outside of steps alone."""
    km: Annotated[list[float], Field(description="Of places, the distances that are asked for.")]


class UsePage(BaseModel):
    """Documents that name things of a kind, by the keys of these things."""

    items: list[UseBody]
    next: str | None


class FoundBody(BaseModel):
    """A thing whose key or name holds the text."""

    kind: DocumentKind | Literal["pool", "group"]
    key: str
    name: str | None


class FoundList(BaseModel):
    """What was found, that whose key begins with the text first."""

    items: list[FoundBody]


@router.get("/find", summary="Find documents, pools and groups by name", responses=responses(422))
async def find(
    services: UsedServices,
    key: UsedKey,
    q: Annotated[str, Query(min_length=1, max_length=200, description="A part of the name.")],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> FoundList:
    """What has the text in its key or its name, in any case. Pools and groups need scope `read`."""
    async with services.pool.connection() as conn:
        found = await find_names(conn, q, limit, beside=key.includes("read"))
    return FoundList(items=[FoundBody.model_validate(each, from_attributes=True) for each in found])


@router.get("/uses", summary="List what uses a thing", responses=responses(400, 422))
async def get_uses(
    services: UsedServices,
    kind: Annotated[UsedKind, Query(description="The kind of what is used.")],
    key: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Of this thing alone.")
    ] = None,
    cursor: Annotated[str, Query(max_length=500, description="`next` of the page before")] = "",
    limit: Limit = 100,
) -> UsePage:
    """The documents that name things of a kind: those that count now, and of journeys the newest
    version, where the live one does not.

    Runs of earlier versions may still use what no newer version does.
    """
    async with services.pool.connection() as conn:
        users = await services.uses.users(conn, kind, key)
    begin = bisect_right(users, _place_of(cursor), key=lambda each: each.place) if cursor else 0
    page, following = page_of(users[begin : begin + limit + 1], limit, _cursor_of)
    return UsePage(items=[_body(each) for each in page], next=following)


def _cursor_of(user: User) -> str:
    # The key comes last: it may hold a space, and the others do not.
    return f"{user.by.kind} {user.by.key} {user.key}"


def _place_of(cursor: str) -> tuple[str, str, str]:
    parts = cursor.split(" ", 2)
    if len(parts) != 3:
        raise unknown_cursor(cursor)
    by, by_key, key = parts
    return key, by, by_key


def _body(user: User) -> UseBody:
    return UseBody.model_validate(
        {
            "kind": user.kind,
            "key": user.key,
            "by": user.by.kind,
            "by_key": user.by.key,
            "name": user.by.name,
            "version": user.by.version,
            "state": user.by.state,
            "live": user.by.live,
            "steps": list(user.steps),
            "km": list(user.km),
        }
    )

"""Coupons: codes imported into pools, and how many of them are left."""

from __future__ import annotations

from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from api.coupons.code_files import read_codes, receive_file
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit
from api.http.problems import Problem, responses
from api.services import UsedServices
from store.coupons.pools import Pool, add_codes, list_pools, make_pool, read_pool

router = APIRouter(
    prefix="/v1/coupons",
    tags=["coupons"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

PoolKey = Annotated[str, Path(min_length=1, max_length=200)]

_AT_ONCE = 5_000
"""Codes of one statement."""
_IN_MEMORY = 1024 * 1024
"""Bytes of a file that is not written to disk."""


class Imported(BaseModel):
    """What an import came to."""

    pool: str
    added: int
    duplicates: int
    """Codes that the pool had, or that the file holds again."""


class PoolBody(BaseModel):
    """A pool's codes, counted."""

    pool: str
    total: int
    drawn: int
    redeemed: int
    left: int

    @classmethod
    def of(cls, pool: Pool) -> PoolBody:
        """From the store's own."""
        return cls(**vars(pool))


class PoolPage(BaseModel):
    """Pools by name."""

    items: list[PoolBody]
    next: str | None


@router.post(
    "/{pool}",
    summary="Import coupon codes into a pool",
    responses=responses(400, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}, "example": "code\nSPRING-1\n"}},
        }
    },
)
async def import_codes(pool: PoolKey, request: Request, services: UsedServices) -> Imported:
    """Take a CSV file with a column `code`, all of it or nothing. The pool comes into being by it.

    Codes are drawn in the order in which they came. Other columns are ignored.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as spooled:
        file = cast("BinaryIO", spooled)
        # The whole file first: no transaction waits for a slow client.
        await receive_file(request, file)
        codes = read_codes(file)
        given = added = 0
        async with services.pool.connection() as conn, conn.transaction():
            await make_pool(conn, pool)
            while some := list(islice(codes, _AT_ONCE)):
                given += len(some)
                added += await add_codes(conn, pool, some)
    return Imported(pool=pool, added=added, duplicates=given - added)


@router.get("/{pool}", summary="Count a pool's codes", responses=responses(404))
async def get_pool(pool: PoolKey, services: UsedServices) -> PoolBody:
    """How many there are, were drawn, were redeemed, and are left."""
    async with services.pool.connection() as conn:
        found = await read_pool(conn, pool)
    if found is None:
        raise Problem(404, "unknown_pool", f"there is no pool {pool!r}")
    return PoolBody.of(found)


@router.get("", summary="List pools of coupons", responses=responses())
async def get_pools(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> PoolPage:
    """Pools by name, with their counts."""
    async with services.pool.connection() as conn:
        found = await list_pools(conn, cursor, limit + 1)
    more = found[limit - 1].pool if len(found) > limit else None
    return PoolPage(items=[PoolBody.of(each) for each in found[:limit]], next=more)

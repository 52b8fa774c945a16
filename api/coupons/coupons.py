"""Routes of coupon pools: import codes, count them, list pools."""

from __future__ import annotations

from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from api.coupons.code_files import read_codes, receive_file
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import responses, unknown
from api.services import UsedServices
from store.coupons.pools import Pool, add_codes, list_pools, make_pool, read_pool
from store.operations.audit import record_audit

router = APIRouter(
    prefix="/v1/coupons",
    tags=["coupons"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

PoolKey = Annotated[str, Path(min_length=1, max_length=200)]

_BATCH = 5_000
"""Codes of one statement."""
_IN_MEMORY = 1024 * 1024
"""Bytes of a file that are kept in memory; a larger file is written to disk."""


class Imported(BaseModel):
    """The result of an import."""

    pool: str
    added: int
    duplicates: int
    """Codes that are in the pool already, or more than once in the file."""


class PoolBody(BaseModel):
    """The counts of a pool's codes."""

    pool: str
    total: int
    drawn: int
    redeemed: int
    left: int

    @classmethod
    def of(cls, pool: Pool) -> PoolBody:
        """The body for a pool of the store."""
        return cls(**vars(pool))


class PoolPage(BaseModel):
    """A page of pools, by name."""

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
async def import_codes(
    pool: PoolKey, request: Request, services: UsedServices, actor: UsedActor
) -> Imported:
    """Import a CSV file with a column `code`, all of it or nothing. A new pool is created.

    Codes are drawn in the order of the file. Other columns are ignored.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as spooled:
        file = cast("BinaryIO", spooled)
        # The whole file is received first, so that no transaction waits for a slow client.
        await receive_file(request, file)
        codes = read_codes(file)
        read = added = 0
        async with services.pool.connection() as conn, conn.transaction():
            await make_pool(conn, pool)
            while batch := list(islice(codes, _BATCH)):
                read += len(batch)
                added += await add_codes(conn, pool, batch)
            if added:
                after = {"added": added, "duplicates": read - added}
                await record_audit(conn, actor, "coupon.add", f"coupon:{pool}", after=after)
    return Imported(pool=pool, added=added, duplicates=read - added)


@router.get("/{pool}", summary="Count the codes of a pool", responses=responses(404))
async def get_pool(pool: PoolKey, services: UsedServices) -> PoolBody:
    """The numbers of codes in total, drawn, redeemed, and left."""
    async with services.pool.connection() as conn:
        found = await read_pool(conn, pool)
    if found is None:
        raise unknown("pool", pool)
    return PoolBody.of(found)


@router.get("", summary="List coupon pools", responses=responses())
async def get_pools(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> PoolPage:
    """Pools by name, with their counts."""
    async with services.pool.connection() as conn:
        found = await list_pools(conn, cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: each.pool)
    return PoolPage(items=[PoolBody.of(each) for each in page], next=following)

"""Routes of coupon pools: import codes, count them, list pools and draws."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, Final, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from api.coupons.code_files import RefusedLine, read_codes, receive_file, refusal
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number, page_of
from api.http.problems import responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from store.coupons.draws import list_draws
from store.coupons.pools import (
    Pool,
    add_codes,
    begin_trial,
    list_pools,
    make_pool,
    read_pool,
    try_codes,
)
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


_SHOWN: Final = 100
"""Refused lines of an answer."""


class RefusedCode(BaseModel):
    """A line of the file whose code was not taken."""

    line: int
    message: str


class Imported(BaseModel):
    """The result of an import."""

    pool: str
    added: int
    duplicates: int
    """Codes that are in the pool already, or more than once in the file."""
    refused: int = 0
    """Lines that were left out."""
    refusals: Annotated[list[RefusedCode], Field(description="The first 100 of them.")]
    dry_run: bool = False
    """Whether nothing was added."""


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


class DrawBody(BaseModel):
    """A code that was drawn."""

    code: str
    drawn_at: Instant
    redeemed_at: Instant | None
    contact: str | None
    """None: the contact was erased."""
    run: UUID | None
    journey: str | None
    step: str | None


class DrawPage(BaseModel):
    """A page of draws, those drawn last first."""

    items: list[DrawBody]
    next: str | None


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
    pool: PoolKey,
    request: Request,
    services: UsedServices,
    actor: UsedActor,
    dry_run: Annotated[
        bool, Query(description="Say what would be added and refused, and add nothing.")
    ] = False,
    bad_lines: Annotated[
        Literal["refuse", "skip"],
        Query(description="Whether a line without a good code refuses the file, or is left out."),
    ] = "refuse",
) -> Imported:
    """Import a CSV file with a column `code`, all of it or nothing. A new pool is created.

    Codes are drawn in the order of the file. Other columns are ignored. With `bad_lines=skip`, or
    in a dry run, lines without a good code are left out, counted and named.
    """
    refused = _Refused(raising=bad_lines == "refuse" and not dry_run)
    with SpooledTemporaryFile(_IN_MEMORY) as spooled:
        file = cast("BinaryIO", spooled)
        # The whole file is received first, so that no transaction waits for a slow client.
        await receive_file(request, file)
        codes = refused.left_out_of(read_codes(file))
        read = added = 0
        async with services.pool.connection() as conn, conn.transaction():
            await (begin_trial(conn) if dry_run else make_pool(conn, pool))
            add = try_codes if dry_run else add_codes
            while batch := list(islice(codes, _BATCH)):
                read += len(batch)
                added += await add(conn, pool, batch)
            if added and not dry_run:
                after = {"added": added, "duplicates": read - added}
                if refused.count:
                    after["refused"] = refused.count
                await record_audit(conn, actor, "coupon.add", f"coupon:{pool}", after=after)
    return Imported(
        pool=pool,
        added=added,
        duplicates=read - added,
        refused=refused.count,
        refusals=[RefusedCode(line=each.line, message=each.message) for each in refused.first],
        dry_run=dry_run,
    )


class _Refused:
    """The lines of a file without a good code: all counted, the first ones kept."""

    def __init__(self, *, raising: bool) -> None:
        self._raising = raising
        self.count = 0
        self.first: list[RefusedLine] = []

    def left_out_of(self, codes: Iterator[str | RefusedLine]) -> Iterator[str]:
        """The good codes. Raises Problem 422 at the first line without one, if it is to."""
        for code in codes:
            if isinstance(code, str):
                yield code
                continue
            if self._raising:
                raise refusal(code)
            self.count += 1
            if self.count <= _SHOWN:
                self.first.append(code)


@router.get("/{pool}", summary="Count the codes of a pool", responses=responses(404))
async def get_pool(pool: PoolKey, services: UsedServices) -> PoolBody:
    """The numbers of codes in total, drawn, redeemed, and left."""
    async with services.pool.connection() as conn:
        found = await read_pool(conn, pool)
    if found is None:
        raise unknown("pool", pool)
    return PoolBody.of(found)


@router.get(
    "/{pool}/draws", summary="List the codes that were drawn", responses=responses(400, 404)
)
async def get_draws(
    pool: PoolKey,
    services: UsedServices,
    code: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Only this code.")
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> DrawPage:
    """The codes that were drawn, each with its contact and its run, those drawn last first.

    Codes that are left are not shown: they are as good as money.
    """
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if await read_pool(conn, pool) is None:
            raise unknown("pool", pool)
        found = await list_draws(conn, pool, code, before, limit + 1)
    page, following = page_of(found, limit, lambda each: str(each.id))
    items = [
        DrawBody(
            code=each.code,
            drawn_at=each.drawn_at,
            redeemed_at=each.redeemed_at,
            contact=each.contact,
            run=each.run_id,
            journey=each.journey,
            step=each.step,
        )
        for each in page
    ]
    return DrawPage(items=items, next=following)


@router.get("", summary="List coupon pools", responses=responses())
async def get_pools(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> PoolPage:
    """Pools by name, with their counts."""
    async with services.pool.connection() as conn:
        found = await list_pools(conn, cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: each.pool)
    return PoolPage(items=[PoolBody.of(each) for each in page], next=following)

"""Coupons: codes that are imported into pools, drawn once each, and redeemed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row


@dataclass(frozen=True)
class Pool:
    """A pool's counts of codes."""

    pool: str
    total: int
    drawn: int
    redeemed: int
    left: int


_POOLS = """
select p.key as pool, count(c.id) as total, count(c.drawn_at) as drawn,
       count(c.redeemed_at) as redeemed, count(c.id) - count(c.drawn_at) as "left"
from coupon_pool p left join coupon c on c.pool = p.key
"""


async def make_pool(conn: AsyncConnection[Any], pool: str) -> None:
    """Make a pool, or find it, and let imports into it take turns until the transaction ends."""
    await conn.execute(
        "insert into coupon_pool (key) values (%s)"
        " on conflict (key) do update set imported_at = parcours.clock()",
        (pool,),
    )


async def add_codes(conn: AsyncConnection[Any], pool: str, codes: Sequence[str]) -> int:
    """Add codes to a pool, to be drawn in their order; how many were not in it yet."""
    cursor = await conn.execute(
        "insert into coupon (pool, code)"
        " select %s, code from unnest(%s::text[]) with ordinality as given(code, n) order by n"
        " on conflict (pool, code) do nothing",
        (pool, list(codes)),
    )
    return cursor.rowcount


async def read_pool(conn: AsyncConnection[Any], pool: str) -> Pool | None:
    """A pool's counts; None if there is no such pool."""
    async with conn.cursor(row_factory=class_row(Pool)) as cursor:
        await cursor.execute(_POOLS + " where p.key = %s group by p.key", (pool,))
        return await cursor.fetchone()


async def list_pools(conn: AsyncConnection[Any], after: str, limit: int) -> list[Pool]:
    """Pools by key, those beyond `after`."""
    async with conn.cursor(row_factory=class_row(Pool)) as cursor:
        await cursor.execute(
            _POOLS + " where p.key > %s group by p.key order by p.key limit %s", (after, limit)
        )
        return await cursor.fetchall()


_DRAW = """
update coupon set drawn_at = parcours.clock(), contact_id = %(contact)s, run_id = %(run)s,
       visit = %(visit)s
where id = (
    select id from coupon where pool = %(pool)s and drawn_at is null
    order by id limit 1 for update {waiting}
)
returning code
"""


async def draw(
    conn: AsyncConnection[Any], pool: str, *, contact_id: UUID, run_id: UUID, visit: int
) -> str | None:
    """Draw the pool's next code for a visit; None if none is left.

    It is drawn when the caller's transaction commits, and otherwise free again.
    """
    given = {"pool": pool, "contact": contact_id, "run": run_id, "visit": visit}
    # What others are about to draw is passed over. Only if there is nothing else are they waited
    # for: one that does not commit leaves its code to us.
    for waiting in ("skip locked", ""):
        cursor = await conn.execute(_DRAW.format(waiting=waiting).encode(), given)
        row = await cursor.fetchone()
        if row is not None:
            return str(row[0])
    return None


async def redeem(conn: AsyncConnection[Any], redeemed: Sequence[tuple[UUID, str]]) -> None:
    """Note that contacts used codes they had drawn. The first time counts.

    A code that the contact has not drawn came from elsewhere, and changes nothing.
    """
    await conn.execute(
        "update coupon c set redeemed_at = parcours.clock()"
        " from unnest(%s::uuid[], %s::text[]) as g(contact_id, code)"
        " where c.contact_id = g.contact_id and c.code = g.code and c.redeemed_at is null",
        ([contact for contact, _ in redeemed], [code for _, code in redeemed]),
    )

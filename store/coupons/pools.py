"""Coupons: codes that are imported into pools, drawn once each, and redeemed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert

from store.sql import (
    Connection,
    execute,
    fetch_all_as,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
)
from store.tables.messages import CouponPool


@dataclass(frozen=True)
class Pool:
    """A pool's counts of codes."""

    pool: str
    total: int
    drawn: int
    redeemed: int
    left: int


# The update locks the pool's row even if it exists, so that imports into a pool run one at a time.
_MAKE = statement(
    insert(CouponPool)
    .values(key=bindparam("pool"))
    .on_conflict_do_update(index_elements=["key"], set_={"imported_at": func.parcours.clock()})
)
_ADD = sql("""
insert into coupon (pool, code)
select %(pool)s, code from unnest(%(codes)s::text[]) with ordinality as imported(code, n) order by n
on conflict (pool, code) do nothing
""")
# What an import would add is found in a table of its own, so that the pool is not written to.
_BEGIN_TRIAL = sql("create temporary table tried_code (code text primary key) on commit drop")
_TRY = sql("""
with tried as (
    insert into tried_code select unnest(%(codes)s::text[]) on conflict do nothing returning code
)
select count(*) from tried t
where not exists (select from coupon c where c.pool = %(pool)s and c.code = t.code)
""")
_POOLS = sql("""
select p.key as pool, count(c.id) as total, count(c.drawn_at) as drawn,
       count(c.redeemed_at) as redeemed, count(c.id) - count(c.drawn_at) as "left"
from coupon_pool p left join coupon c on c.pool = p.key
""")
_READ = sql("{pools} where p.key = %(pool)s group by p.key", pools=_POOLS)
_LIST = sql(
    "{pools} where p.key > %(after)s group by p.key order by p.key limit %(limit)s", pools=_POOLS
)
# Codes that other transactions are about to draw are passed over. Only if there are no others is
# the lock waited for: a transaction that rolls back leaves its code free.
_DRAW: Final = tuple(
    sql(
        """
update coupon set drawn_at = parcours.clock(), contact_id = %(contact)s, run_id = %(run)s,
       visit = %(visit)s
where id = (
    select id from coupon where pool = %(pool)s and drawn_at is null
    order by id limit 1 for update {locked}
)
returning code
""",
        locked=locked,
    )
    for locked in (sql("skip locked"), sql(""))
)
_REDEEM = sql("""
update coupon c set redeemed_at = parcours.clock()
from unnest(%(contacts)s::uuid[], %(codes)s::text[]) as used(contact_id, code)
where c.contact_id = used.contact_id and c.code = used.code and c.redeemed_at is null
""")


async def make_pool(conn: Connection, pool: str) -> None:
    """Make a pool if there is none, and lock it against other imports for this transaction."""
    await execute(conn, _MAKE, {"pool": pool})


async def add_codes(conn: Connection, pool: str, codes: Sequence[str]) -> int:
    """Add codes to a pool, to be drawn in their order; the number that were not in it yet."""
    return await execute(conn, _ADD, {"pool": pool, "codes": list(codes)})


async def begin_trial(conn: Connection) -> None:
    """Begin an import that adds nothing, for the rest of the transaction."""
    await execute(conn, _BEGIN_TRIAL)


async def try_codes(conn: Connection, pool: str, codes: Sequence[str]) -> int:
    """The number that `add_codes` would add, after those that were tried in this transaction."""
    return int(await fetch_value(conn, _TRY, {"pool": pool, "codes": list(codes)}))


async def read_pool(conn: Connection, pool: str) -> Pool | None:
    """A pool's counts; None if there is no such pool."""
    return await fetch_one_as(conn, Pool, _READ, {"pool": pool})


async def list_pools(conn: Connection, after: str, limit: int) -> list[Pool]:
    """Pools by key, those beyond `after`."""
    return await fetch_all_as(conn, Pool, _LIST, {"after": after, "limit": limit})


async def draw(
    conn: Connection, pool: str, *, contact_id: UUID, run_id: UUID, visit: int
) -> str | None:
    """Draw the pool's next code for a visit; None if none is left.

    The code is drawn when the caller's transaction commits, and is free again if it rolls back.
    """
    drawing = {"pool": pool, "contact": contact_id, "run": run_id, "visit": visit}
    for query in _DRAW:
        code = await fetch_value(conn, query, drawing)
        if code is not None:
            return str(code)
    return None


async def redeem(conn: Connection, redeemed: Sequence[tuple[UUID, str]]) -> None:
    """Record that contacts used codes that they had drawn: (contact, code). The first time counts.

    A code that the contact has not drawn changes nothing.
    """
    await execute(
        conn,
        _REDEEM,
        {
            "contacts": [contact for contact, _ in redeemed],
            "codes": [code for _, code in redeemed],
        },
    )

"""Codes that were drawn: by whom, in which run, and whether they were redeemed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.sql import Connection, fetch_all_as, sql

_CONCURRENT: Final = 1_000
"""More transactions than ever draw from one pool at once."""
# Codes are drawn in the order of their ids. A free one below a drawn one was given back by a
# transaction, and is drawn next: so no drawn code lies beyond the first free ones.
_DRAWS = sql("""
with beyond as (
    select id from coupon where pool = %(pool)s and drawn_at is null
    order by id limit 1 offset %(concurrent)s
), drawn as (
    select id, code, drawn_at, redeemed_at, contact_id, run_id, visit from coupon
    where pool = %(pool)s and drawn_at is not null
      and (%(code)s::text is null or code = %(code)s)
      and id < least(%(before)s::bigint, (select id from beyond))
    order by id desc limit %(limit)s
)
select d.id, d.code, d.drawn_at, d.redeemed_at, d.run_id, r.journey, v.step,
       coalesce(c.external_id, c.id::text) as contact
from drawn d
left join contact c on c.id = d.contact_id
left join run r on r.id = d.run_id
left join visit v on v.run_id = d.run_id and v.visit = d.visit
order by d.id desc
""")
_LAST: Final = 2**63 - 1


@dataclass(frozen=True)
class Draw:
    """A code that was drawn."""

    id: int
    code: str
    drawn_at: datetime
    redeemed_at: datetime | None
    run_id: UUID | None
    journey: str | None
    step: str | None
    contact: str | None
    """Its external id, else its own; None: it was erased."""


async def list_draws(
    conn: Connection, pool: str, code: str | None, before: int | None, limit: int
) -> list[Draw]:
    """Draws from a pool, those drawn last first: of one code, or of all; after the id `before`."""
    page = {"pool": pool, "code": code, "before": before or _LAST, "limit": limit}
    return await fetch_all_as(conn, Draw, _DRAWS, {**page, "concurrent": _CONCURRENT})

"""Faults as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.sql import Connection, fetch_all_as, sql

_LIST = sql("""
select f.id, f.subject, f.activity, f.code, f.detail, f.happened_at, f.run_id, f.visit, r.journey,
       coalesce(c.external_id, c.id::text) as contact, f.event_id
from fault f
left join run r on r.id = f.run_id
left join contact c on c.id = coalesce(f.contact_id, r.contact_id)
where (%(contact)s::uuid is null or c.id = %(contact)s)
and (%(code)s::text is null or f.code = %(code)s)
and (%(before)s::bigint is null or f.id < %(before)s)
order by f.id desc limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class ListedFault:
    """A fault, and the smallest thing that has it."""

    id: int
    subject: str
    activity: str
    code: str
    detail: str
    happened_at: datetime
    run_id: UUID | None
    visit: int | None
    journey: str | None
    """Of the run."""
    contact: str | None
    """The external id, or else our id."""
    event_id: int | None


async def list_faults(
    conn: Connection, *, contact: UUID | None, code: str | None, before: int | None, limit: int
) -> list[ListedFault]:
    """Faults, the newest first, those with an id below `before`."""
    return await fetch_all_as(
        conn,
        ListedFault,
        _LIST,
        {"contact": contact, "code": code, "before": before, "limit": limit},
    )

"""How many contacts lack the attributes that templates print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg.errors import QueryCanceled

from journeys.model.contact_fields import READABLE_NAMES
from store.sql import Connection, execute, fetch_all, sql

_BOUND = sql("select set_config('statement_timeout', %(milliseconds)s, true)")
_COUNT = sql(
    """
with wanted as (
    select name, string_to_array(name, '.') as path from unnest(%(names)s::text[]) as named (name)
)
select w.name, count(*), count(*) filter (where f.value is null or f.value !~ '\\S'
                                          or f.value in ('[]', '{}'))
from contact c
cross join wanted w
cross join lateral (
    select case when w.name = any(%(fields)s) then to_jsonb(c) ->> w.name
                else coalesce(c.attributes ->> w.name, c.attributes #>> w.path) end as value
) f
group by w.name
"""
)


@dataclass(frozen=True, slots=True)
class LackingAttribute:
    """An attribute that some contacts do not have."""

    name: str
    contacts: int
    """How many lack it."""
    of: int
    """How many contacts there are."""


async def count_lacking(
    conn: Connection, names: Iterable[str], seconds: float
) -> list[LackingAttribute] | None:
    """The attributes, as paths, that some contacts lack; None if counting takes longer.

    The caller is in no transaction.
    """
    wanted = sorted(set(names))
    if not wanted:
        return []
    try:
        async with conn.transaction():
            await execute(conn, _BOUND, {"milliseconds": str(int(seconds * 1000))})
            rows = await fetch_all(conn, _COUNT, {"names": wanted, "fields": list(READABLE_NAMES)})
    except QueryCanceled:
        return None
    return [LackingAttribute(name, lacking, of) for name, of, lacking in sorted(rows) if lacking]

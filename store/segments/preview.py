"""How many contacts a condition holds for, and some of them, before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from journeys.model.conditions import Condition
from store.conditions import compile_condition
from store.sql import Connection, execute, fetch_all, fetch_one, sql

SAMPLE: Final = 10
_TIMEOUT = sql("select set_config('statement_timeout', %(timeout)s, true)")
_SAMPLE = sql("""
select c.id, coalesce(c.external_id, c.id::text), c.email from contact c
where c.id = any(%(ids)s) order by c.id
""")


@dataclass(frozen=True)
class SampledContact:
    """A contact for which a condition holds."""

    contact: str
    email: str | None


@dataclass(frozen=True)
class SegmentPreview:
    """What a segment would have for members now."""

    count: int
    sample: list[SampledContact]


async def preview_condition(
    conn: Connection, condition: Condition, *, timeout: str
) -> SegmentPreview:
    """Judge all contacts now by a condition that names no segment; nothing is written.

    Raises psycopg.errors.QueryCanceled if it takes longer than `timeout`.
    """
    predicate = compile_condition(condition, prefix="p", timed=False)
    query = sql(
        """
select count(*), array_agg(found.id) filter (where found.n <= %(sample)s)
from (
    select c.id, row_number() over () as n
    from contact c
    cross join (
        select null::uuid as id, '{}'::jsonb as entry, 0::bigint as entry_ref,
               null::bigint as entry_event_id, 0 as visit
    ) r
    where {holds}
) found
""",
        holds=predicate.sql,
    )
    async with conn.transaction():
        await execute(conn, _TIMEOUT, {"timeout": timeout})
        row = await fetch_one(conn, query, {**predicate.params, "sample": SAMPLE})
        count, ids = row or (0, None)
        found: list[UUID] = list(ids or [])
        rows = await fetch_all(conn, _SAMPLE, {"ids": found}) if found else []
    return SegmentPreview(count, [SampledContact(contact, email) for _, contact, email in rows])

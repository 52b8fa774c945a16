"""Calls of keys in this minute, as the processes of the API tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from store.sql import Connection, fetch_all, sql

_EXCHANGE = sql("""
with gone as (
    delete from key_use where minute < %(minute)s::timestamptz - interval '10 minutes'
), written as (
    insert into key_use (key_id, process, minute, calls)
    select k.id, %(process)s, %(minute)s, g.calls
    from unnest(%(keys)s::uuid[], %(calls)s::int[]) g(id, calls)
    join api_key k on k.id = g.id
    on conflict (key_id, process) do update
    set minute = excluded.minute, calls = excluded.calls
)
select u.key_id, sum(u.calls) from key_use u
where u.key_id = any(%(keys)s::uuid[]) and u.process <> %(process)s and u.minute = %(minute)s
group by u.key_id
""")


async def exchange_key_use(
    conn: Connection, *, process: UUID, minute: datetime, counts: Mapping[UUID, int]
) -> dict[UUID, int]:
    """Record the calls of keys by this process, and read those by all others in the minute."""
    keys = sorted(counts)
    rows = await fetch_all(
        conn,
        _EXCHANGE,
        {
            "process": process,
            "minute": minute,
            "keys": keys,
            "calls": [counts[key] for key in keys],
        },
    )
    return {key_id: int(calls) for key_id, calls in rows}

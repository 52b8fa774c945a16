"""Rows of an installation, page by page, for an export: runs, visits, messages and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from store.sql import Connection, Sql, fetch_dicts, sql

RawTable = Literal["runs", "visits", "messages", "events"]
RAW_TABLES: Final[tuple[RawTable, ...]] = get_args(RawTable)


@dataclass(frozen=True, slots=True)
class _Raw:
    key: tuple[str, ...]
    """The columns of the order, whose values make the cursor."""
    first: Sql
    """The rows after a cursor: `%(key)s`, in parts; all if it is null."""


_RAW: Final[Mapping[RawTable, _Raw]] = {
    "runs": _Raw(
        ("id",),
        sql(
            """
            select r.id, r.journey, r.version,
                   coalesce(r.entry_version, r.version) as entry_version,
                   coalesce(c.external_id, r.contact_id::text) as contact, r.key, r.state, r.step,
                   r.outcome, r.reason, r.entry_event_id, r.started_at, r.ended_at
            from run r left join contact c on c.id = r.contact_id
            where %(after)s::text[] is null or r.id > (%(after)s::text[])[1]::uuid
            order by r.id limit %(limit)s
            """
        ),
    ),
    "visits": _Raw(
        ("run", "visit"),
        sql(
            """
            select v.run_id as run, v.visit, r.journey,
                   coalesce(v.version, r.version) as version, v.step, v.kind, v.outcome,
                   v.started_at, v.ended_at, v.due_at, v.held, v.message_id as message, v.facts
            from (
                select * from visit
                where %(after)s::text[] is null or (run_id, visit)
                    > ((%(after)s::text[])[1]::uuid, (%(after)s::text[])[2]::integer)
                order by run_id, visit limit %(limit)s
            ) v left join run r on r.id = v.run_id
            order by v.run_id, v.visit
            """
        ),
    ),
    "messages": _Raw(
        ("id",),
        sql(
            """
            select m.id, m.run_id as run, m.visit, r.journey,
                   coalesce(m.version, r.version) as version, m.step,
                   coalesce(c.external_id, m.contact_id::text) as contact, m.channel, m.topic,
                   m.class, m.state, m.address, m.provider, m.code, m.attempts, m.content, m.locale,
                   m.first_attempt_at, m.settled_at, m.delivered_at, m.opened_at, m.clicked_at,
                   m.bounced_at, m.replied_at, m.complained_at, m.unsubscribed_at
            from (
                select * from message
                where %(after)s::text[] is null or id > (%(after)s::text[])[1]::uuid
                order by id limit %(limit)s
            ) m left join run r on r.id = m.run_id left join contact c on c.id = m.contact_id
            order by m.id
            """
        ),
    ),
    "events": _Raw(
        ("id",),
        sql(
            """
            select e.id, coalesce(c.external_id, e.contact_id::text) as contact, e.name,
                   e.properties, e.run_id as run, e.occurred_at, e.stamped_at
            from (
                select * from event
                where %(after)s::text[] is null or id > (%(after)s::text[])[1]::bigint
                order by id limit %(limit)s
            ) e left join contact c on c.id = e.contact_id
            order by e.id
            """
        ),
    ),
}


async def read_raw_rows(
    conn: Connection, table: RawTable, after: Sequence[str] | None, limit: int
) -> list[dict[str, Any]]:
    """The rows of a table after a cursor, in the order of its key."""
    parameters = {"after": None if after is None else list(after), "limit": limit}
    return await fetch_dicts(conn, _RAW[table].first, parameters)


def cursor_of(table: RawTable, row: Mapping[str, Any]) -> list[str]:
    """The cursor that comes after a row."""
    return [str(row[column]) for column in _RAW[table].key]

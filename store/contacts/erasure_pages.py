"""The pages of an erasure: what is left of a contact, some thousand rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete, func, select
from sqlmodel import SQLModel, col

from store.sql import (
    Connection,
    Sql,
    execute,
    fetch_all,
    fetch_column,
    fetch_one_as,
    name,
    sql,
    statement,
    table_columns,
)
from store.tables.erasures import Erasure
from store.tables.links import LinkHit, ShortLink
from store.tables.messages import KeptContent, Message
from store.tables.runs import Visit

_WANTED: Final[Any] = bindparam("erasure")
_RUNS: Final = 100
_ROWS: Final = 2_000
_MESSAGES: Final = 500


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """An erasure, as its job goes on with it."""

    id: UUID
    job_id: UUID | None
    contact_id: UUID | None
    """None: it is finished."""
    words: list[str] | None
    workflows: dict[str, str]
    searching: str | None
    searched: str | None


_KEPT: Final = {"contact", "coupon", "erasure", "targeted_contact"}
"""Tables with a column `contact_id`, or none, whose rows are treated by themselves."""


def _tables() -> tuple[list[str], list[str]]:
    """The tables that are emptied in the first transaction, and those that pages empty."""
    at_once: list[str] = []
    by_page: list[str] = []
    for table in SQLModel.metadata.sorted_tables:
        column = table.columns.get("contact_id")
        if column is None or table.name in {*_KEPT, "run", "message", "event"}:
            continue
        (at_once if column.foreign_keys else by_page).append(table.name)
    return at_once, by_page


AT_ONCE, BY_PAGE = _tables()
"""Tables that the first transaction empties of a contact, and those that pages empty."""

_DELETE_PAGE: Final[Mapping[str, Sql]] = {
    table: sql(
        """
        delete from {table} where ctid = any(array(
            select ctid from {table} where contact_id = %(contact)s limit %(limit)s))
        """,
        table=name(table),
    )
    for table in BY_PAGE
}
_READ = statement(select(*table_columns(Erasure, ErasureRow)).where(col(Erasure.id) == _WANTED))
_LOCK = statement(
    select(*table_columns(Erasure, ErasureRow)).where(col(Erasure.id) == _WANTED).with_for_update()
)
_ADD = sql("""
update erasure set workflows = workflows || %(workflows)s, removed = (
    select coalesce(jsonb_object_agg(kind, rows), '{}') from (
        select kind, sum(rows::bigint) as rows from (
            select * from jsonb_each_text(erasure.removed)
            union all select * from jsonb_each_text(%(removed)s)
        ) counted(kind, rows)
        group by kind having sum(rows::bigint) > 0
    ) added)
where id = %(erasure)s
""")
_COUNT_IN_JOB = sql("""
update job set done = done + %(rows)s
where id = (select job_id from erasure where id = %(erasure)s) and state = 'running'
""")
_RUN_PAGE = sql("""
select id, journey from run where contact_id = %(contact)s order by id limit %(limit)s for update
""")
_DELETE_RUNS: Final[Mapping[str, Sql]] = {
    "visit": statement(delete(Visit).where(col(Visit.run_id) == func.any(bindparam("runs")))),
    "start_request": sql("""
        delete from start_request
        where answer ->> 'id' = any(array(select unnest(%(runs)s::uuid[])::text))
    """),
    # Its goal, faults, repairs and calls are deleted with the row, by their foreign keys.
    "run": sql("delete from run where id = any(%(runs)s)"),
}
_MESSAGES_OF_RUNS = sql("select id from message where run_id = any(%(runs)s)")
_MESSAGE_PAGE = sql("select id from message where contact_id = %(contact)s limit %(limit)s")
_DELETE_MESSAGES: Final[Mapping[str, Sql]] = {
    **{
        str(table.__tablename__): statement(
            delete(table).where(col(table.message_id) == func.any(bindparam("messages")))
        )
        for table in (LinkHit, ShortLink, KeptContent)
    },
    "message": statement(delete(Message).where(col(Message.id) == func.any(bindparam("messages")))),
}
# A fault at an event may not name the contact.
_EVENT_PAGE = sql("""
with page as materialized (
    select id from event where contact_id = %(contact)s limit %(limit)s
), faults as (
    delete from fault where subject = any(array(select 'event ' || id from page)) returning 1
), gone as (
    delete from event where id = any(array(select id from page)) returning 1
)
select (select count(*) from gone), (select count(*) from faults)
""")
_WORKFLOWS_REMOVED = sql("""
update erasure set workflows = workflows - %(runs)s::text[] where id = %(erasure)s
""")


async def erase_page(conn: Connection, erasure_id: UUID) -> bool:
    """Remove the next rows of an erased contact in the caller's transaction; whether any are left.

    A page holds a few thousand rows. Two attempts at once follow each other.
    """
    erasure = await lock_erasure(conn, erasure_id)
    if erasure is None or erasure.contact_id is None:
        return False
    about = {"contact": erasure.contact_id}
    removed: dict[str, int] = {}
    events: int
    runs = await fetch_all(conn, _RUN_PAGE, {**about, "limit": _RUNS})
    more = len(runs) == _RUNS
    if runs:
        await _delete_runs(conn, [run_id for run_id, _ in runs], removed)
    if not more:
        messages = await fetch_column(conn, _MESSAGE_PAGE, {**about, "limit": _MESSAGES})
        await _delete_messages(conn, messages, removed)
        more = len(messages) == _MESSAGES
    [(events, faults)] = await fetch_all(conn, _EVENT_PAGE, {**about, "limit": _ROWS})
    removed |= {"event": events, "fault": faults}
    more = more or events == _ROWS
    for table, query in _DELETE_PAGE.items():
        rows = await execute(conn, query, {**about, "limit": _ROWS})
        removed[table] = removed.get(table, 0) + rows
        more = more or rows == _ROWS
    await add_to_erasure(
        conn, erasure_id, removed, {str(run_id): journey for run_id, journey in runs}
    )
    return bool(more)


async def _delete_runs(conn: Connection, runs: list[UUID], removed: dict[str, int]) -> None:
    await _delete_messages(
        conn, await fetch_column(conn, _MESSAGES_OF_RUNS, {"runs": runs}), removed
    )
    for table, query in _DELETE_RUNS.items():
        removed[table] = removed.get(table, 0) + await execute(conn, query, {"runs": runs})


async def _delete_messages(conn: Connection, messages: list[UUID], removed: dict[str, int]) -> None:
    if messages:
        for table, query in _DELETE_MESSAGES.items():
            rows = await execute(conn, query, {"messages": messages})
            removed[table] = removed.get(table, 0) + rows


async def read_erasure(conn: Connection, erasure_id: UUID) -> ErasureRow | None:
    """An erasure as its job goes on with it; None if there is none."""
    return await fetch_one_as(conn, ErasureRow, _READ, {"erasure": erasure_id})


async def lock_erasure(conn: Connection, erasure_id: UUID) -> ErasureRow | None:
    """`read_erasure`, locked until the transaction ends."""
    return await fetch_one_as(conn, ErasureRow, _LOCK, {"erasure": erasure_id})


async def workflows_removed(conn: Connection, erasure_id: UUID, runs: Iterable[str]) -> None:
    """Record that Temporal has the workflows of these runs no more."""
    await execute(conn, _WORKFLOWS_REMOVED, {"erasure": erasure_id, "runs": list(runs)})


async def add_to_erasure(
    conn: Connection,
    erasure_id: UUID,
    removed: Mapping[str, int],
    workflows: Mapping[str, str] | None = None,
) -> None:
    """Count rows that were removed in the caller's transaction.

    `workflows` are still to be removed from Temporal: the journey by the id of the run.
    """
    await execute(
        conn,
        _ADD,
        {
            "erasure": erasure_id,
            "removed": Jsonb(dict(removed)),
            "workflows": Jsonb(dict(workflows or {})),
        },
    )
    await execute(conn, _COUNT_IN_JOB, {"erasure": erasure_id, "rows": sum(removed.values())})

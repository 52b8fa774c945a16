"""Rows that mention an erased contact and do not refer to it: found by its addresses and ids.

They are read page by page in the order of their keys. Each of their tables has a retention, so that
none of them grows without an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from store.sql import Connection, Sql, execute, fetch_one, sql

_PAGE: Final = 5_000

_FOUND = sql("""
exists (select from unnest(%(words)s::text[]) w(word) where strpos(lower(page.said), w.word) > 0)
""")
_SEARCHES: Final[Mapping[str, Sql]] = {
    "rejected_item": sql(
        """
with page as materialized (
    select id, concat_ws(' ', reference, message, body) as said from rejected_item
    where id > coalesce(%(after)s::text, '0')::bigint order by id limit %(limit)s
), gone as (
    delete from rejected_item t using page where t.id = page.id and {found} returning 1
)
select (select count(*) from gone), count(*), max(id)::text from page
""",
        found=_FOUND,
    ),
    "fault": sql(
        """
with page as materialized (
    select id, concat_ws(' ', subject, detail) as said from fault
    where id > coalesce(%(after)s::text, '0')::bigint order by id limit %(limit)s
), gone as (
    delete from fault t using page where t.id = page.id and {found} returning 1
)
select (select count(*) from gone), count(*), max(id)::text from page
""",
        found=_FOUND,
    ),
    "dead_event": sql(
        """
with page as materialized (
    select event_id, detail as said from dead_event
    where event_id > coalesce(%(after)s::text, '0')::bigint order by event_id limit %(limit)s
), gone as (
    update dead_event t set detail = '' from page
    where t.event_id = page.event_id and {found} returning 1
)
select (select count(*) from gone), count(*), max(event_id)::text from page
""",
        found=_FOUND,
    ),
    "test_message": sql(
        """
with page as materialized (
    select id, concat_ws(' ', recipient, variables::text, detail) as said from test_message
    where id > coalesce(%(after)s::text, '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit %(limit)s
), gone as (
    delete from test_message t using page where t.id = page.id and {found} returning 1
)
select (select count(*) from gone), count(*), (array_agg(id order by id desc))[1]::text from page
""",
        found=_FOUND,
    ),
    # Of the audit log only the reasons, which are free texts; what was done stays.
    "audit": sql(
        """
with page as materialized (
    select id, reason as said from audit
    where id > coalesce(%(after)s::text, '0')::bigint and reason is not null
    order by id limit %(limit)s
), allowed as materialized (
    select set_config('parcours.audit', 'erasure', true)
), gone as (
    update audit t set reason = '(erased)' from page, allowed
    where t.id = page.id and {found} returning 1
)
select (select count(*) from gone), count(*), max(id)::text from page
""",
        found=_FOUND,
    ),
    "import_line": sql(
        """
with page as materialized (
    select job_id, line, number,
           concat_ws(' ', '"' || reference || '"', message, content::text) as said
    from import_line
    where (job_id, line, number) > (
        split_part(coalesce(%(after)s::text, '00000000-0000-0000-0000-000000000000'), ' ', 1)::uuid,
        coalesce(nullif(split_part(coalesce(%(after)s::text, ''), ' ', 2), ''), '-1')::bigint,
        coalesce(nullif(split_part(coalesce(%(after)s::text, ''), ' ', 3), ''), '-1')::int)
    order by job_id, line, number limit %(limit)s
), gone as (
    delete from import_line t using page
    where t.job_id = page.job_id and t.line = page.line and t.number = page.number and {found}
    returning t.job_id
), unquoted as (
    -- The reasons of a report quote the first line of each.
    update job set result = result - 'reasons'
    where id in (select job_id from gone) and state <> 'running' and result is not null
)
select (select count(*) from gone), count(*),
       (array_agg(concat_ws(' ', job_id, line, number)
                  order by job_id desc, line desc, number desc))[1]
from page
""",
        found=_FOUND,
    ),
    "text_answer": sql(
        """
with page as materialized (
    select id, phone as said from text_answer
    where id > coalesce(%(after)s::text, '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit %(limit)s
), gone as (
    delete from text_answer t using page where t.id = page.id and {found} returning 1
)
select (select count(*) from gone), count(*), (array_agg(id order by id desc))[1]::text from page
""",
        found=_FOUND,
    ),
    # The key is read as `JOURNEY`, a line break and the idempotency key.
    "start_request": sql(
        """
with page as materialized (
    select journey, idempotency_key, concat_ws(' ', idempotency_key, answer::text) as said
    from start_request
    where (journey, idempotency_key) > (
        split_part(coalesce(%(after)s::text, ''), chr(10), 1),
        substr(coalesce(%(after)s::text, ''),
               strpos(coalesce(%(after)s::text, chr(10)), chr(10)) + 1))
    order by journey, idempotency_key limit %(limit)s
), gone as (
    delete from start_request t using page
    where t.journey = page.journey and t.idempotency_key = page.idempotency_key and {found}
    returning 1
)
select (select count(*) from gone), count(*),
       (array_agg(journey || chr(10) || idempotency_key
                  order by journey desc, idempotency_key desc))[1]
from page
""",
        found=_FOUND,
    ),
}
"""By table: a page of it is searched, and the rows that mention the contact are removed."""

SEARCHED: Final = tuple(_SEARCHES)
"""The tables that are searched, in their order."""
FILES: Final = "job_file"
"""Their files come after the tables: see `store.imports.file_mentions`."""

_SET_PLACE = sql("""
update erasure set searching = %(searching)s, searched = %(searched)s where id = %(erasure)s
""")


async def search_page(
    conn: Connection,
    erasure_id: UUID,
    words: list[str],
    searching: str | None,
    searched: str | None,
) -> tuple[str, int]:
    """Search the next page in the caller's transaction; its table, and the rows removed.

    `searching` and `searched` say where the page before ended; the caller has locked the erasure.
    After the last table the erasure is at `FILES`.
    """
    table = searching or SEARCHED[0]
    row = await fetch_one(
        conn, _SEARCHES[table], {"words": words, "after": searched, "limit": _PAGE}
    )
    assert row is not None
    removed, rows, last = row
    if rows < _PAGE:
        following = SEARCHED.index(table) + 1
        await set_place(
            conn, erasure_id, SEARCHED[following] if following < len(SEARCHED) else FILES, None
        )
    else:
        await set_place(conn, erasure_id, table, last)
    return table, int(removed)


async def set_place(
    conn: Connection, erasure_id: UUID, searching: str, searched: str | None
) -> None:
    """Record up to where an erasure has searched for mentions."""
    place = {"erasure": erasure_id, "searching": searching, "searched": searched}
    await execute(conn, _SET_PLACE, place)

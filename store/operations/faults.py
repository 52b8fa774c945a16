"""Faults: the details behind the error codes of activities."""

from __future__ import annotations

from uuid import UUID

from store.sql import Connection, execute, sql

_DETAIL_LIMIT = 2_000
"""Characters."""

_RECORD = sql("""
insert into fault (run_id, visit, activity, code, detail)
select (select id from run where id = %(run)s), %(visit)s, %(activity)s, %(code)s,
       %(detail)s
where not exists (
    select from fault where run_id is not distinct from %(run)s
    and visit is not distinct from %(visit)s and detail = %(detail)s
    and happened_at > parcours.clock() - interval '1 hour'
)
""")


async def record_fault(
    conn: Connection,
    *,
    run_id: UUID | None,
    visit: int | None,
    activity: str,
    code: str,
    detail: str,
) -> None:
    """Record what went wrong, once an hour for the same visit and detail."""
    await execute(
        conn,
        _RECORD,
        {
            "run": run_id,
            "visit": visit,
            "activity": activity,
            "code": code,
            "detail": detail[:_DETAIL_LIMIT],
        },
    )

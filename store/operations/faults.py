"""Faults: the words behind an activity's error code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def record_fault(
    conn: AsyncConnection[Any],
    *,
    run_id: UUID | None,
    visit: int | None,
    activity: str,
    code: str,
    detail: str,
) -> None:
    """Keep what went wrong, once an hour for the same visit and words."""
    await conn.execute(
        """
        insert into fault (run_id, visit, activity, code, detail)
        select (select id from run where id = %(run)s), %(visit)s, %(activity)s, %(code)s,
               %(detail)s
        where not exists (
            select from fault where run_id is not distinct from %(run)s
            and visit is not distinct from %(visit)s and detail = %(detail)s
            and happened_at > parcours.clock() - interval '1 hour'
        )
        """,
        {
            "run": run_id,
            "visit": visit,
            "activity": activity,
            "code": code,
            "detail": detail[:2_000],
        },
    )

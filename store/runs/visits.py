"""Visits: the record of a run at a step, which is its decision.

A deciding activity may run twice, with different data. The first row wins; whoever comes second
gets it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class VisitRow:
    """What is known of a visit. Without an outcome the run stands there."""

    step: str
    kind: str
    outcome: str | None
    due_at: datetime | None
    ref: int | None
    started_at: datetime
    held: str | None
    facts: dict[str, Any]


async def find_visit(conn: AsyncConnection[Any], run_id: UUID, visit: int) -> VisitRow | None:
    """A visit, if it has begun."""
    async with conn.cursor(row_factory=class_row(VisitRow)) as cursor:
        await cursor.execute(
            "select step, kind, outcome, due_at, ref, started_at, held, facts from visit"
            " where run_id = %s and visit = %s",
            (run_id, visit),
        )
        return await cursor.fetchone()


async def decide(
    conn: AsyncConnection[Any],
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    outcome: str,
    facts: dict[str, Any],
    output: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> str:
    """Record the outcome of a step that takes no time, and where the run stands; `at`, or now.

    Returns the outcome that holds: another one if the visit had been decided before.
    """
    cursor = await conn.execute(
        """
        with decided as (
            insert into visit
                (run_id, visit, step, kind, outcome, started_at, ended_at, facts, output)
            values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(outcome)s,
                    coalesce(%(at)s, parcours.clock()), coalesce(%(at)s, parcours.clock()),
                    %(facts)s, %(output)s)
            on conflict (run_id, visit) do nothing
            returning outcome
        ), stood as (
            update run set step = %(step)s, visit = %(visit)s
            where id = %(run)s and exists (select from decided)
        )
        select outcome from decided
        """,
        {
            "run": run_id,
            "visit": visit,
            "step": step,
            "kind": kind,
            "outcome": outcome,
            "facts": Jsonb(facts),
            "output": Jsonb(output or {}),
            "at": at,
        },
    )
    row = await cursor.fetchone()
    if row is not None:
        return str(row[0])
    before = await find_visit(conn, run_id, visit)
    if before is None or before.outcome is None:
        raise LookupError(f"visit {visit} of run {run_id} is not decided")
    return before.outcome


async def visits_of(conn: AsyncConnection[Any], run_id: UUID, step: str) -> int:
    """How often the run has been at a step."""
    cursor = await conn.execute(
        "select count(*) from visit where run_id = %s and step = %s", (run_id, step)
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def left_by_steps(conn: AsyncConnection[Any], run_id: UUID) -> dict[str, dict[str, Any]]:
    """What each step left at its latest visit: outcome, at, visits, and its own output."""
    cursor = await conn.execute(
        """
        select distinct on (step) step, outcome, ended_at, count(*) over (partition by step), output
        from visit where run_id = %s and outcome is not null order by step, visit desc
        """,
        (run_id,),
    )
    return {
        step: {**output, "outcome": outcome, "at": at.isoformat(), "visits": visits}
        for step, outcome, at, visits, output in await cursor.fetchall()
    }

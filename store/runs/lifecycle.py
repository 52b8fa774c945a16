"""The end of a run, and the exit rule that fired."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def end_run(
    conn: AsyncConnection[Any],
    run_id: UUID,
    outcome: str,
    reason: str | None,
    *,
    stop_workflow: bool = False,
) -> bool:
    """End an active run: listeners first, then its row, and the visit it stands at.

    A visit whose send is claimed stays open for its record. False if the run had ended before.
    `stop_workflow`: its workflow is still to be told.
    """
    cursor = await conn.execute(
        """
        with gone as (delete from listener where run_id = %(run)s),
        left_at as (
            update visit v set outcome = %(outcome)s, ended_at = parcours.clock()
            where v.run_id = %(run)s and v.outcome is null and not exists (
                select from message m
                where m.run_id = v.run_id and m.visit = v.visit and m.state = 'claimed'
            )
        )
        update run set state = 'ended', outcome = %(outcome)s, reason = %(reason)s,
               ended_at = parcours.clock(), stop_workflow = %(stop)s
        where id = %(run)s and state = 'active' returning id
        """,
        {"run": run_id, "outcome": outcome, "reason": reason, "stop": stop_workflow},
    )
    return await cursor.fetchone() is not None


async def record_end_reason(conn: AsyncConnection[Any], run_id: UUID, reason: str) -> None:
    """Note why the run is about to end."""
    await conn.execute("update run set reason = %s where id = %s", (reason, run_id))


async def record_fired_exit(
    conn: AsyncConnection[Any], run_id: UUID, visit: int, rule: int, reason: str
) -> None:
    """Note which exit rule fired, and at which visit.

    From here on the run's sends are not asked about exits.
    """
    await conn.execute(
        "update run set exit_rule = %s, exit_visit = %s, reason = %s where id = %s",
        (rule, visit, reason, run_id),
    )
    await conn.execute("delete from listener where run_id = %s", (run_id,))

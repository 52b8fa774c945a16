"""The end of a run, its reason, and the exit rule that fired."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import bindparam, delete, update
from sqlmodel import col

from store.sql import Connection, execute, sql, statement
from store.tables.runs import Listener, Run

_END = sql("""
with removed as (delete from listener where run_id = %(run)s),
left_at as (
    update visit v set outcome = %(outcome)s, ended_at = parcours.clock(),
           recorded_at = parcours.clock(), run_ended = true
    where v.run_id = %(run)s and v.outcome is null and not exists (
        select from message m
        where m.run_id = v.run_id and m.visit = v.visit and m.state = 'claimed'
    )
)
update run set state = 'ended', outcome = %(outcome)s, reason = %(reason)s,
       ended_at = parcours.clock(), stop_workflow = %(stop)s
where id = %(run)s and state = 'active' returning id
""")
_SET_REASON = statement(
    update(Run).where(col(Run.id) == bindparam("run")).values(reason=bindparam("reason"))
)
_SET_EXIT = statement(
    update(Run)
    .where(col(Run.id) == bindparam("run"))
    .values(
        exit_rule=bindparam("rule"), exit_visit=bindparam("at_visit"), reason=bindparam("reason")
    )
)
_REMOVE_LISTENERS = statement(delete(Listener).where(col(Listener.run_id) == bindparam("run")))


async def end_run(
    conn: Connection,
    run_id: UUID,
    outcome: str,
    reason: str | None,
    *,
    stop_workflow: bool = False,
) -> bool:
    """End an active run with its listeners and its open visit. False if the run had ended before.

    A visit whose send is claimed stays open until the send is recorded. `stop_workflow` leaves a
    mark that its workflow is still to be stopped.
    """
    ended = await execute(
        conn,
        _END,
        {"run": run_id, "outcome": outcome, "reason": reason, "stop": stop_workflow},
    )
    return ended > 0


async def record_end_reason(conn: Connection, run_id: UUID, reason: str) -> None:
    """Record why the run is about to end."""
    await execute(conn, _SET_REASON, {"run": run_id, "reason": reason})


async def record_fired_exit(
    conn: Connection, run_id: UUID, visit: int, rule: int, reason: str
) -> None:
    """Record which exit rule fired, and at which visit; remove the run's listeners.

    From here on no exit is checked before the run's sends.
    """
    await execute(
        conn, _SET_EXIT, {"run": run_id, "rule": rule, "at_visit": visit, "reason": reason}
    )
    await execute(conn, _REMOVE_LISTENERS, {"run": run_id})

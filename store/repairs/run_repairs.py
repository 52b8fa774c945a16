"""Repair of one run: retry, skip, go to, exit or cancel, under the lock of its contact and its row.

A run stands at a wait, at a split that waits for its winner, or at a deferred send. A repair of it
counts as a move: the workflow takes the same version, with the run's place in it. An attempt that
asks meanwhile is behind, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from journeys.model.unions import closest_match
from journeys.protocol.channels import SEND_KINDS
from journeys.versions.mapping import MOVED, main_line
from journeys.versions.migration_decision import NewestVisit
from store.definitions.catalog import Catalog
from store.runs.lifecycle import end_run
from store.runs.rows import RunRow, lock_run
from store.runs.visits import VisitRow, find_visit
from store.sql import (
    Connection,
    columns,
    execute,
    fetch_all_as,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
)
from store.tables.messages import Message
from store.tables.repairs import RepairAction
from store.tables.runs import Run, Visit
from store.waits.wait_visits import close_by_time

RepairProblem = Literal[
    "unknown_run", "unknown_step", "run_ended", "gone_on", "at_work", "leaving", "not_retrying",
    "send_ended", "no_message", "was_sent", "unconfirmed",
]  # fmt: skip

REASON_LIMIT: Final = 500
"""Characters of the reason of a repair."""
OPERATOR: Final = "operator"
"""The reason of a step that an operator skipped, and of a run that one ended."""

_END_REASONS: Final = {"exit": OPERATOR, "cancel": "cancelled"}


class RepairRefused(Exception):
    """A repair that cannot be: its code, and a sentence that says why."""

    def __init__(self, code: RepairProblem, message: str) -> None:
        super().__init__(message)
        self.code: RepairProblem = code


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """What an operator wants of a run."""

    action: RepairAction
    reason: str
    key_id: UUID | None
    target: str | None = None
    """The step to go to."""
    visit: int | None = None
    """The visit that the run is to be at; None: any."""


@dataclass(frozen=True, slots=True)
class RepairRow:
    """A repair that was made."""

    id: int
    run_id: UUID
    action: RepairAction
    visit: int
    step: str | None
    target: str | None
    reason: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repair, and whose workflow is to be woken for it."""

    repair: RepairRow
    journey: str
    new: bool
    """False: the same repair was made before, and nothing has changed now."""


_COLUMNS = columns(RepairRow)
_LIST = sql("select {columns} from run_repair where run_id = %(run)s order by id", columns=_COLUMNS)
_SAME = sql(
    """
    select {columns} from run_repair
    where run_id = %(run)s and visit = %(visit)s and action = %(action)s
      and target is not distinct from %(target)s
    order by id desc limit 1
    """,
    columns=_COLUMNS,
)
_LATEST = sql(
    """
    select {columns} from run_repair
    where run_id = %(run)s and visit = %(visit)s and action = %(action)s
    order by id desc limit 1
    """,
    columns=_COLUMNS,
)
_INSERT = sql(
    """
    insert into run_repair (run_id, action, visit, step, target, reason, key_id, made_by)
    select %(run)s, %(action)s, %(visit)s, %(step)s, %(target)s, %(reason)s, %(key)s,
           coalesce((select coalesce(nullif(name, ''), scope) from api_key where id = %(key)s),
                    'unknown')
    returning {columns}
    """,
    columns=_COLUMNS,
)
_END_SEND = sql("""
with removed as (delete from listener where run_id = %(run)s and visit = %(visit)s)
update visit set outcome = %(outcome)s, ended_at = parcours.clock(),
       recorded_at = parcours.clock(), held = null, due_at = null, facts = facts || %(facts)s
where run_id = %(run)s and visit = %(visit)s
""")
_TRY_NOW = statement(
    update(Visit)
    .where(col(Visit.run_id) == bindparam("run"), col(Visit.visit) == bindparam("number"))
    .values(due_at=bindparam("due"))
)
_MOVE = statement(
    update(Run)
    .where(col(Run.id) == bindparam("run"))
    .values(moves=col(Run.moves) + 1, moved_at=func.parcours.clock())
)
_MESSAGE_STATE = statement(
    select(col(Message.state)).where(
        col(Message.run_id) == bindparam("run"), col(Message.visit) == bindparam("visit")
    )
)


async def repairs_of(conn: Connection, run_id: UUID) -> list[RepairRow]:
    """The repairs of a run, in their order."""
    return await fetch_all_as(conn, RepairRow, _LIST, {"run": run_id})


async def latest_repair(
    conn: Connection, run_id: UUID, visit: int, action: RepairAction
) -> RepairRow | None:
    """The latest repair of this kind at a visit; None if there was none."""
    return await fetch_one_as(
        conn, RepairRow, _LATEST, {"run": run_id, "visit": visit, "action": action}
    )


async def repair_run(
    conn: Connection, catalog: Catalog, run_id: UUID, request: RepairRequest
) -> Repaired:
    """Repair a run in the caller's transaction; its workflow is to be woken after the commit.

    A request that is repeated for the same visit gives the first answer. Raises RepairRefused.
    """
    run = await lock_run(conn, run_id)
    if run is None:
        raise RepairRefused("unknown_run", f"there is no run {run_id}")
    visit = await find_visit(conn, run_id, run.visit)
    made = await fetch_one_as(
        conn,
        RepairRow,
        _SAME,
        {
            "run": run_id,
            "visit": run.visit if request.visit is None else request.visit,
            "action": request.action,
            "target": request.target,
        },
    )
    if made is not None and (made.action != "retry" or _is_to_be_tried(made, run, visit)):
        return Repaired(made, run.journey, new=False)
    if not run.active:
        ended = run.outcome if run.reason is None else f"{run.outcome}: {run.reason}"
        raise RepairRefused("run_ended", f"the run has ended ({ended})")
    if request.visit is not None and request.visit != run.visit:
        raise RepairRefused(
            "gone_on", f"the run has gone on: it is at visit {run.visit}, not {request.visit}"
        )
    if request.action in _END_REASONS:
        repair = await record_repair(conn, run, run.visit, visit.step if visit else None, request)
        await end_run(conn, run_id, "removed", _END_REASONS[request.action], stop_workflow=True)
        return Repaired(repair, run.journey, new=True)
    standing = await _standing(conn, run, visit, request.action)
    if request.action == "goto":
        await _check_target(conn, catalog, run, request.target or "")
    repair = await record_repair(conn, run, run.visit, standing.step, request)
    if request.action == "retry":
        # The repair's own time: by it a request that is repeated knows that nothing was tried yet.
        await execute(conn, _TRY_NOW, {"run": run_id, "number": run.visit, "due": repair.made_at})
    else:
        await _end_visit(conn, run, standing, repair)
    await execute(conn, _MOVE, {"run": run_id})
    return Repaired(repair, run.journey, new=True)


def _is_to_be_tried(made: RepairRow, run: RunRow, visit: VisitRow | None) -> bool:
    """Whether the send has not been tried since the repair that asked for it."""
    if not run.active or visit is None or run.visit != made.visit or visit.held != "retry":
        return False
    return visit.due_at is not None and visit.due_at <= made.made_at


async def _standing(
    conn: Connection, run: RunRow, visit: VisitRow | None, action: RepairAction
) -> VisitRow:
    """The visit at which the run stands. Raises RepairRefused if `action` cannot be there."""
    if (
        visit is None
        or not NewestVisit(visit.step, visit.kind, visit.outcome, visit.held).is_waiting
    ):
        where = "its first step" if visit is None else f"`{visit.step}`"
        if visit is not None and visit.outcome in ("failed", "unknown") and action == "retry":
            raise RepairRefused(
                "send_ended",
                f"the send at {where} has ended as {visit.outcome}: only a send that is being"
                " retried can be tried at once",
            )
        raise RepairRefused(
            "at_work", f"the run does not stand still at {where}: it is at work; try again"
        )
    if action == "retry" and visit.held != "retry":
        state = f"held: {visit.held}" if visit.held else f"a {visit.kind}"
        raise RepairRefused(
            "not_retrying",
            f"the run stands at `{visit.step}` ({state}), which is no send that is being retried",
        )
    if action == "goto" and run.exit_rule is not None:
        raise RepairRefused(
            "leaving", "an exit has fired, and its `then` runs to the end: skip its steps instead"
        )
    return visit


async def _check_target(conn: Connection, catalog: Catalog, run: RunRow, target: str) -> None:
    definition = await catalog.definition(conn, run.journey, run.version)
    line = main_line(definition.journey)
    if target in line:
        return
    if any(target == step.id for step in definition.journey.all_steps()):
        raise RepairRefused(
            "unknown_step",
            f"step: `{target}` belongs to an exit's `then`: name a step of the main line",
        )
    near = closest_match(target, sorted(line))
    raise RepairRefused(
        "unknown_step",
        f"step: version {run.version} has no step `{target}`"
        + (f"; did you mean `{near}`?" if near else ""),
    )


async def record_repair(
    conn: Connection, run: RunRow, visit: int, step: str | None, request: RepairRequest
) -> RepairRow:
    """Record who repairs a run at a visit and why, in the transaction that does it."""
    made = await fetch_one_as(
        conn,
        RepairRow,
        _INSERT,
        {
            "run": run.id,
            "action": request.action,
            "visit": visit,
            "step": step,
            "target": request.target,
            "reason": request.reason,
            "key": request.key_id,
        },
    )
    assert made is not None
    return made


async def _end_visit(conn: Connection, run: RunRow, visit: VisitRow, repair: RepairRow) -> None:
    """End the visit: as skipped, or as moved to the step that comes next.

    A send that may have gone out is `unknown`, and not `skipped`.
    """
    facts: dict[str, Any] = {
        "repair": {"id": repair.id, "by": repair.made_by, "why": repair.reason}
    }
    if repair.action == "goto":
        outcome = MOVED
        facts["to"] = repair.target
    else:
        outcome = "skipped"
        facts["reason"] = OPERATOR
    if visit.kind not in SEND_KINDS:
        await close_by_time(conn, run, run.visit, outcome, run.now, facts)
        return
    if outcome == "skipped":
        state = await fetch_value(conn, _MESSAGE_STATE, {"run": run.id, "visit": run.visit})
        outcome = "unknown" if state in ("claimed", "unknown") else outcome
    await execute(
        conn,
        _END_SEND,
        {"run": run.id, "visit": run.visit, "outcome": outcome, "facts": Jsonb(facts)},
    )

"""Migration of one run in flight to another version, in one transaction under its contact's lock.

The run's row counts its moves. Its workflow walks the program of the moves that it has followed.
Every activity compares the two counts: a workflow that is behind does nothing but take the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete, func, select, update
from sqlmodel import col

from journeys.time.zones import zone_of
from journeys.versions.mapping import MOVED, MappedStep
from journeys.versions.migration_decision import (
    MigratingRun,
    MigrationDecision,
    NewestVisit,
    decide_migration,
)
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog, Definition
from store.goals.goal_rows import NewGoal, replace_goal
from store.runs.rows import RunRow, lock_run
from store.runs.visits import VisitRow, find_visit
from store.sql import execute, fetch_all, fetch_value, sql, statement
from store.tables.operations import Job, Straggler
from store.tables.runs import Listener, Run, Visit
from store.versions.wait_replanning import ReplannedWait, replan_wait
from store.waits.listeners import add_listeners
from store.waits.wait_visits import watch_attributes


@dataclass(frozen=True)
class Target:
    """The version that runs migrate to, and the policies of the migration."""

    definition: Definition
    mapping: Mapping[str, str]
    overdue: Overdue
    since: datetime
    """The beginning of a spread of overdue waits."""
    speed: float = 1.0


class Superseded(Exception):
    """The migration's job is over: another activation has ended it."""


_OF_RUN = col(Run.id) == bindparam("run")
_TAKE_VERSION = statement(
    update(Run)
    .where(_OF_RUN)
    .values(
        version=bindparam("version"),
        step=bindparam("step"),
        moves=col(Run.moves) + 1,
        moved_at=func.parcours.clock(),
        skip_after=bindparam("skip_after"),
    )
)
_END_VISIT = sql(
    """
    with removed as (delete from listener where run_id = %(run)s)
    update visit set outcome = %(outcome)s, ended_at = parcours.clock(),
           recorded_at = parcours.clock(), held = null, due_at = null, facts = facts || %(facts)s
    where run_id = %(run)s and visit = %(visit)s
    """
)
_REPLAN_VISIT = sql(
    """
    with removed as (delete from listener where run_id = %(run)s)
    update visit set step = %(step)s, due_at = %(due)s, ref = %(ref)s, facts = %(facts)s
    where run_id = %(run)s and visit = %(visit)s
    """
)
_TRY_NOW = statement(
    update(Visit)
    .where(
        col(Visit.run_id) == bindparam("run"),
        col(Visit.visit) == bindparam("visit"),
        col(Visit.held) == "retry",
    )
    .values(due_at=func.parcours.clock())
)
_REMOVE_EXIT_LISTENERS = statement(
    delete(Listener).where(col(Listener.run_id) == bindparam("run"), col(Listener.visit) == 0)
)
_REMOVE_STRAGGLER = statement(
    delete(Straggler).where(
        col(Straggler.job_id) == bindparam("job"), col(Straggler.run_id) == bindparam("run")
    )
)
_COUNT_MOVE = statement(
    update(Job)
    .where(col(Job.id) == bindparam("job"), col(Job.state) == "running")
    .values(moved=col(Job.moved) + 1, done=col(Job.done) + 1)
)
_RECORD_MOVES_TAKEN = statement(
    update(Run)
    .where(_OF_RUN, col(Run.moves_taken) < bindparam("moves"))
    .values(moves_taken=bindparam("moves"))
)
_HAS_WAITED = statement(
    select(
        select(col(Visit.visit))
        .where(
            col(Visit.run_id) == bindparam("run"),
            col(Visit.visit) > bindparam("after"),
            col(Visit.kind) == "wait",
        )
        .exists()
    )
)
_UNNOTICED = sql(
    """
    select journey, id from run
    where state = 'active' and moves_taken <> moves and moved_at < parcours.clock() - %(since)s
      and (%(after)s::uuid is null or id > %(after)s::uuid)
    order by id limit %(limit)s
    """
)


def decide_run(run: RunRow, visit: VisitRow | None, target: Target) -> MigrationDecision:
    """Decide whether a run migrates, and to which step; `visit` is its newest."""
    at = None
    if visit is not None:
        at = NewestVisit(visit.step, visit.kind, visit.outcome, visit.held)
    migrating = MigratingRun(run.active, run.version, leaving=run.exit_rule is not None, visit=at)
    definition = target.definition
    return decide_migration(migrating, definition.version, definition.journey, target.mapping)


async def migrate_run(
    conn: AsyncConnection[Any], catalog: Catalog, job_id: UUID, run_id: UUID, target: Target
) -> MigrationDecision:
    """Migrate a run if it waits at a step that maps, in a transaction of its own.

    Repeating it changes nothing. Raises Superseded if the job is over.
    """
    async with conn.transaction():
        run = await lock_run(conn, run_id)
        if run is None:
            return MigrationDecision("ended")
        visit = await find_visit(conn, run.id, run.visit)
        decision = decide_run(run, visit, target)
        if decision.result != "moved":
            return decision
        assert visit is not None
        before = await catalog.definition(conn, run.journey, run.version)
        await _move(conn, run, visit, before, target, decision.mapped)
        await _replace_exit_listeners(conn, run, target.definition)
        await _replace_goal(conn, run, target.definition)
        await _count_move(conn, job_id, run_id)
    return decision


async def _move(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: VisitRow,
    before: Definition,
    target: Target,
    mapped: MappedStep,
) -> None:
    skip_after = run.skip_after
    if mapped.new_visit:
        await _end_visit(conn, run, mapped.step)
    elif visit.kind == "wait":
        wait = await replan_wait(
            conn, run, visit, before, target.definition, mapped.step, speed=target.speed
        )
        if wait.due is not None and wait.due <= run.now:
            wait = apply_overdue_policy(wait, run, target)
            if target.overdue.policy == "skip":
                skip_after = run.visit
        await _replan_visit(conn, run, mapped.step, wait, visit.started_at)
    else:
        # The new version may have mended what its provider did not take.
        await execute(conn, _TRY_NOW, {"run": run.id, "visit": run.visit})
    await execute(
        conn,
        _TAKE_VERSION,
        {
            "run": run.id,
            "version": target.definition.version,
            "step": visit.step if mapped.new_visit else mapped.step,
            "skip_after": skip_after,
        },
    )


def apply_overdue_policy(wait: ReplannedWait, run: RunRow, target: Target) -> ReplannedWait:
    """The wait, which is past due, under the target's policy.

    A spread sets a new due time, which may be in the future.
    """
    due = target.overdue.apply_to_wait(wait.due, run.contact_id, run.journey, target.since)
    return replace(wait, due=due, facts={**wait.facts, "overdue": target.overdue.policy})


async def _end_visit(conn: AsyncConnection[Any], run: RunRow, to: str) -> None:
    """End the visit; the next one begins at the step `to`."""
    await execute(
        conn,
        _END_VISIT,
        {
            "run": run.id,
            "visit": run.visit,
            "outcome": MOVED,
            "facts": Jsonb({"to": to, "moved_from": run.version}),
        },
    )


async def _replan_visit(
    conn: AsyncConnection[Any], run: RunRow, step: str, wait: ReplannedWait, since: datetime
) -> None:
    """Give the visit the plan; conditions count `since` it began, as its times do."""
    await execute(
        conn,
        _REPLAN_VISIT,
        {
            "run": run.id,
            "visit": run.visit,
            "step": step,
            "due": wait.due,
            "ref": wait.ref,
            "facts": Jsonb({**wait.facts, "moved_from": run.version}),
        },
    )
    if wait.query is not None:
        await add_listeners(
            conn,
            wait.query,
            run_id=run.id,
            visit=run.visit,
            contact_id=run.contact_id,
            ref=wait.ref,
            entry=run.entry,
            since=since,
        )
    if wait.watches:
        await watch_attributes(conn, run, run.visit, wait.watches)


async def _replace_exit_listeners(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition
) -> None:
    await execute(conn, _REMOVE_EXIT_LISTENERS, {"run": run.id})
    if definition.exits is not None:
        await add_listeners(
            conn,
            definition.exits,
            run_id=run.id,
            visit=0,
            contact_id=run.contact_id,
            ref=run.entry_ref,
            entry=run.entry,
        )


async def _replace_goal(conn: AsyncConnection[Any], run: RunRow, definition: Definition) -> None:
    """Give the run the version's goal, which counts events since the run's entry."""
    goal = None
    if definition.goal is not None:
        goal = NewGoal(
            query=definition.goal,
            run_id=run.id,
            journey=run.journey,
            contact_id=run.contact_id,
            entry=run.entry,
            ref=run.entry_ref,
            started_at=run.started_at,
            zone=zone_of(run.timezone, definition.journey.timezone),
        )
    await replace_goal(conn, run.id, goal)


async def _count_move(conn: AsyncConnection[Any], job_id: UUID, run_id: UUID) -> None:
    """Count the move in its job's row, whose lock orders it with an activation that ends the job.

    Raises Superseded if the job is over.
    """
    await execute(conn, _REMOVE_STRAGGLER, {"job": job_id, "run": run_id})
    if not await execute(conn, _COUNT_MOVE, {"job": job_id}):
        raise Superseded


async def record_moves_taken(conn: AsyncConnection[Any], run_id: UUID, moves: int) -> None:
    """Record how many of its moves the run's workflow has followed."""
    await execute(conn, _RECORD_MOVES_TAKEN, {"run": run_id, "moves": moves})


async def has_waited(conn: AsyncConnection[Any], run_id: UUID, after: int) -> bool:
    """Whether the run has come to a wait since its visit `after`."""
    return bool(await fetch_value(conn, _HAS_WAITED, {"run": run_id, "after": after}))


async def unnoticed_migrations(
    conn: AsyncConnection[Any], since: timedelta, limit: int, after: UUID | None = None
) -> list[tuple[str, UUID]]:
    """Runs moved longer ago than `since` whose workflow has not followed: (journey, run).

    By id, beyond `after`.
    """
    rows = await fetch_all(conn, _UNNOTICED, {"since": since, "limit": limit, "after": after})
    return [(journey, run_id) for journey, run_id in rows]

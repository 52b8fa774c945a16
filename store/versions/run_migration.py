"""Moving a run in flight to another version, in one transaction under its contact's lock.

The run's row counts its moves. Its workflow walks the program of the moves it has followed, and
every activity compares: whoever is behind is told so, does nothing, and takes the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.protocol.channels import SEND_KINDS
from journeys.time.zones import zone_of
from journeys.versions.mapping import MOVED, MappedStep, StayReason, map_step
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog, Definition
from store.goals.goal_rows import NewGoal, replace_goal
from store.runs.rows import RunRow, lock_run
from store.runs.visits import VisitRow, find_visit
from store.versions.wait_replanning import ReplannedWait, replan_wait
from store.waits.listeners import add_listeners
from store.waits.wait_visits import watch_attributes


@dataclass(frozen=True)
class Target:
    """Where runs are moved, and how."""

    definition: Definition
    mapping: Mapping[str, str]
    overdue: Overdue
    since: datetime
    """From when a spread of overdue waits counts."""
    speed: float = 1.0


@dataclass(frozen=True)
class MigrationDecision:
    """What becomes of a run."""

    came: Literal["moved", "stays", "at_work", "there", "ended"]
    way: MappedStep = field(default_factory=MappedStep)


class Superseded(Exception):
    """The job that moves is over: another activation has ended it."""


def decide_migration(run: RunRow, visit: VisitRow | None, target: Target) -> MigrationDecision:
    """Whether a run moves, and where to; it is locked, or a preview."""
    if not run.active:
        return MigrationDecision("ended")
    if run.version == target.definition.version:
        return MigrationDecision("there")
    if run.exit_rule is not None:
        return MigrationDecision("stays", MappedStep(stays="leaving"))
    if visit is None or not is_waiting(visit):
        return MigrationDecision("at_work")
    way = map_step(visit.step, visit.kind, target.definition.journey, target.mapping)
    return MigrationDecision("stays" if way.stays else "moved", way)


def is_waiting(visit: VisitRow) -> bool:
    """Whether a run stands still there. A send that is claimed, or soon tried again, does not."""
    return visit.outcome is None and (visit.kind not in SEND_KINDS or visit.held is not None)


def stay_reason(judged: MigrationDecision) -> StayReason:
    """Why a run stays."""
    assert judged.way.stays is not None
    return judged.way.stays


async def migrate_run(
    conn: AsyncConnection[Any], catalog: Catalog, job_id: UUID, run_id: UUID, target: Target
) -> MigrationDecision:
    """Move a run if it stands still where the version lets it, in a transaction of its own.

    Asking again changes nothing. Raises Superseded if the job is over.
    """
    async with conn.transaction():
        run = await lock_run(conn, run_id)
        if run is None:
            return MigrationDecision("ended")
        visit = await find_visit(conn, run.id, run.visit)
        judged = decide_migration(run, visit, target)
        if judged.came != "moved":
            return judged
        assert visit is not None
        before = await catalog.definition(conn, run.journey, run.version)
        await _follow(conn, run, visit, before, target, judged.way)
        await _listen_for_exits(conn, run, target.definition)
        await _aim(conn, run, target.definition)
        await _count(conn, job_id, run_id)
    return judged


async def _follow(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: VisitRow,
    before: Definition,
    target: Target,
    way: MappedStep,
) -> None:
    skip_after = run.skip_after
    if way.anew:
        await _leave(conn, run, way.to)
    elif visit.kind == "wait":
        planned = await replan_wait(
            conn, run, visit, before, target.definition, way.to, speed=target.speed
        )
        if planned.due is not None and planned.due <= run.now:
            planned = apply_overdue_policy(planned, run, target)
            if target.overdue.policy == "skip":
                skip_after = run.visit
        await _stand(conn, run, way.to, planned)
    await conn.execute(
        "update run set version = %s, step = %s, moves = moves + 1, moved_at = parcours.clock(),"
        " skip_after = %s where id = %s",
        (target.definition.version, visit.step if way.anew else way.to, skip_after, run.id),
    )


def apply_overdue_policy(planned: ReplannedWait, run: RunRow, target: Target) -> ReplannedWait:
    """An overdue wait under the policy: a spread gives it a turn, which may be still to come."""
    facts = {**planned.facts, "overdue": target.overdue.policy}
    if target.overdue.policy != "spread":
        return replace(planned, facts=facts)
    turn = target.overdue.turn(run.contact_id, run.journey, target.since)
    return replace(planned, due=turn, facts=facts)


async def _leave(conn: AsyncConnection[Any], run: RunRow, to: str) -> None:
    """End the visit: the next one begins at the step it is mapped to."""
    await conn.execute(
        """
        with gone as (delete from listener where run_id = %(run)s)
        update visit set outcome = %(outcome)s, ended_at = parcours.clock(), held = null,
               due_at = null, facts = facts || %(facts)s
        where run_id = %(run)s and visit = %(visit)s
        """,
        {
            "run": run.id,
            "visit": run.visit,
            "outcome": MOVED,
            "facts": Jsonb({"to": to, "moved_from": run.version}),
        },
    )


async def _stand(conn: AsyncConnection[Any], run: RunRow, to: str, planned: ReplannedWait) -> None:
    await conn.execute(
        """
        with gone as (delete from listener where run_id = %(run)s)
        update visit set step = %(step)s, due_at = %(due)s, ref = %(ref)s, facts = %(facts)s
        where run_id = %(run)s and visit = %(visit)s
        """,
        {
            "run": run.id,
            "visit": run.visit,
            "step": to,
            "due": planned.due,
            "ref": planned.ref,
            "facts": Jsonb({**planned.facts, "moved_from": run.version}),
        },
    )
    if planned.look is not None:
        await add_listeners(
            conn,
            planned.look,
            run_id=run.id,
            visit=run.visit,
            contact_id=run.contact_id,
            ref=planned.ref,
            entry=run.entry,
        )
    if planned.watches:
        await watch_attributes(conn, run, run.visit, planned.watches)


async def _listen_for_exits(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition
) -> None:
    await conn.execute("delete from listener where run_id = %s and visit = 0", (run.id,))
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


async def _aim(conn: AsyncConnection[Any], run: RunRow, definition: Definition) -> None:
    """The version's goal is the run's from now on, counted since its entry."""
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


async def _count(conn: AsyncConnection[Any], job_id: UUID, run_id: UUID) -> None:
    """Count the move with it. An activation that ends the job waits for this, or comes first."""
    await conn.execute("delete from straggler where job_id = %s and run_id = %s", (job_id, run_id))
    cursor = await conn.execute(
        "update job set moved = moved + 1, done = done + 1"
        " where id = %s and state = 'running' returning id",
        (job_id,),
    )
    if await cursor.fetchone() is None:
        raise Superseded


async def record_moves_taken(conn: AsyncConnection[Any], run_id: UUID, moves: int) -> None:
    """Note that the run's workflow has followed so many of its moves."""
    await conn.execute(
        "update run set moves_taken = %s where id = %s and moves_taken < %s",
        (moves, run_id, moves),
    )


async def has_waited(conn: AsyncConnection[Any], run_id: UUID, after: int) -> bool:
    """Whether the run has come to a wait since its visit `after`."""
    cursor = await conn.execute(
        "select exists (select from visit where run_id = %s and visit > %s and kind = 'wait')",
        (run_id, after),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def unnoticed_migrations(
    conn: AsyncConnection[Any], since: timedelta, limit: int
) -> list[tuple[str, UUID]]:
    """Runs moved longer ago than `since` whose workflow has not followed: (journey, run)."""
    cursor = await conn.execute(
        "select journey, id from run where state = 'active' and moves_taken <> moves"
        " and moved_at < parcours.clock() - %s order by moved_at limit %s",
        (since, limit),
    )
    return [(journey, run_id) for journey, run_id in await cursor.fetchall()]

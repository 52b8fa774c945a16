"""Runs: reading one with its contact, ending it, and what is left to tell Temporal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row


@dataclass(frozen=True)
class RunRow:
    """A run, with what is asked most of its contact and its journey."""

    id: UUID
    journey: str
    version: int
    contact_id: UUID
    key: str
    state: str
    outcome: str | None
    reason: str | None
    entry: dict[str, Any]
    entry_event_id: int | None
    entry_ref: int
    ref: int
    visit: int
    exit_rule: int | None
    exit_visit: int | None
    depth: int
    started_at: datetime
    moves: int
    skip_after: int | None
    timezone: str | None
    last_event_id: int
    now: datetime

    @property
    def active(self) -> bool:
        """Whether the run goes on."""
        return self.state == "active"


_READ = """
select r.id, r.journey, r.version, r.contact_id, r.key, r.state, r.outcome, r.reason, r.entry,
       r.entry_event_id, r.entry_ref, r.ref, r.visit, r.exit_rule, r.exit_visit, r.depth,
       r.started_at, r.moves, r.skip_after, c.timezone, c.last_event_id, parcours.clock() as now
from contact c join run r on r.contact_id = c.id
where r.id = %s
"""
_READ_OTHERS = (
    _READ.replace("where r.id = %s", "where r.journey = %(journey)s and r.state = 'active'")
    + " and r.version <> %(version)s and (%(after)s::uuid is null or r.id > %(after)s::uuid)"
    + " order by r.id limit %(limit)s"
)
# Rows are locked in the order they are named: the contact, then the run. NO KEY, so that foreign
# keys of others may still point here.
_LOCK = _READ + " for no key update of c, r"
# A pause takes this lock alone, so it comes before a claim or after it. A claim takes it before its
# rows.
_CLAIMING = """
with claiming as materialized (
    select pg_advisory_xact_lock_shared(hashtextextended('pause ' || journey, 0))::text
    from run where id = %(run)s
)
"""
_LOCK_TO_CLAIM = (
    _CLAIMING
    + _READ.replace("where r.id = %s", "cross join claiming where r.id = %(run)s")
    + " for no key update of c, r"
)


async def read_run(conn: AsyncConnection[Any], run_id: UUID) -> RunRow | None:
    """A run as it is, unlocked."""
    async with conn.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_READ, (run_id,))
        return await cursor.fetchone()


async def runs_of_others(
    conn: AsyncConnection[Any], journey: str, version: int, after: UUID | None, limit: int
) -> list[RunRow]:
    """Active runs of a journey that are of another version, by id beyond `after`."""
    async with conn.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(
            _READ_OTHERS,
            {"journey": journey, "version": version, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def lock_run(conn: AsyncConnection[Any], run_id: UUID) -> RunRow | None:
    """A run with its contact's row and its own locked until the transaction ends.

    Under this lock every event of the contact with a lower id is visible.
    """
    async with conn.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_LOCK, (run_id,))
        return await cursor.fetchone()


async def lock_run_to_claim(conn: AsyncConnection[Any], run_id: UUID) -> RunRow | None:
    """`lock_run`, with no pause of the journey beginning before the transaction ends.

    What a later statement reads of the journey's state then holds until the commit.
    """
    async with conn.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_LOCK_TO_CLAIM, {"run": run_id})
        return await cursor.fetchone()


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


async def give_reason(conn: AsyncConnection[Any], run_id: UUID, reason: str) -> None:
    """Note why the run is about to end."""
    await conn.execute("update run set reason = %s where id = %s", (reason, run_id))


async def fire_exit(
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


async def runs_to_start(conn: AsyncConnection[Any], limit: int) -> list[UUID]:
    """Active runs older than a minute whose workflow nobody has started."""
    cursor = await conn.execute(
        "select id from run where state = 'active' and workflow_started_at is null"
        " and started_at < parcours.clock() - interval '1 minute' order by started_at limit %s",
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def marked_to_start(conn: AsyncConnection[Any], limit: int) -> list[UUID]:
    """Active runs that a step has begun, and whose workflow a dispatcher is to start."""
    cursor = await conn.execute(
        "select id from run where state = 'active' and workflow_started_at is null"
        " and start_workflow order by started_at limit %s",
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def unmark_start(conn: AsyncConnection[Any], run_id: UUID) -> None:
    """Leave a run to the sweep, which starts it if nobody has within a minute."""
    await conn.execute("update run set start_workflow = false where id = %s", (run_id,))


async def workflow_started(conn: AsyncConnection[Any], run_ids: list[UUID]) -> None:
    """Note that Temporal has these runs."""
    await conn.execute(
        "update run set start_workflow = false,"
        " workflow_started_at = parcours.clock()"
        " where id = any(%s) and workflow_started_at is null",
        (run_ids,),
    )


async def workflows_to_stop(conn: AsyncConnection[Any], limit: int) -> list[tuple[UUID, str]]:
    """Runs ended in Postgres whose workflow is still to be stopped, with their journeys."""
    cursor = await conn.execute(
        "select id, journey from run where stop_workflow order by ended_at limit %s", (limit,)
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def workflow_stopped(conn: AsyncConnection[Any], run_id: UUID) -> None:
    """Note that an ended run's workflow was told."""
    await conn.execute("update run set stop_workflow = false where id = %s", (run_id,))


async def active_among(conn: AsyncConnection[Any], run_ids: list[UUID]) -> list[UUID]:
    """Those of the runs that are still active."""
    cursor = await conn.execute(
        "select id from run where id = any(%s) and state = 'active'", (run_ids,)
    )
    return [row[0] for row in await cursor.fetchall()]

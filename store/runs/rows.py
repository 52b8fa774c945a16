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

"""Rows of runs, read or locked together with those of their contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.sql import Connection, Sql, columns, fetch_all_as, fetch_one_as, fetch_value, sql


@dataclass(frozen=True)
class RunRow:
    """A run, with its contact's time zone and newest event, and the time of the reading."""

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
        """Whether the run has not ended."""
        return self.state == "active"


_RUN = sql(
    """
select {run}, c.timezone, c.last_event_id, parcours.clock() as now
from contact c join run r on r.contact_id = c.id
""",
    run=columns(RunRow, of="r", without=("timezone", "last_event_id", "now")),
)
_READ = sql("{run} where r.id = %(run)s", run=_RUN)
_READ_OTHER_VERSIONS = sql(
    """
{run}
where r.journey = %(journey)s and r.state = 'active' and r.version <> %(version)s
  and (%(after)s::uuid is null or r.id > %(after)s::uuid)
order by r.id limit %(limit)s
""",
    run=_RUN,
)
# Every transaction locks the contact first and then the run. NO KEY, so that rows with a foreign
# key to them can be inserted meanwhile.
LOCK_RUN = sql("{read} for no key update of c, r", read=_READ)
# A pause takes this advisory lock exclusively, so that it comes before a claim or after it. A claim
# takes it before it locks rows.
_LOCK_TO_CLAIM = sql(
    """
with claiming as materialized (
    select pg_advisory_xact_lock_shared(hashtextextended('pause ' || journey, 0))::text
    from run where id = %(run)s
)
{run} cross join claiming where r.id = %(run)s for no key update of c, r
""",
    run=_RUN,
)


_EXISTS = sql("select exists (select from run where id = %(run)s)")


async def read_run(conn: Connection, run_id: UUID) -> RunRow | None:
    """A run, read without a lock."""
    return await fetch_one_as(conn, RunRow, _READ, {"run": run_id})


async def runs_of_other_versions(
    conn: Connection, journey: str, version: int, after: UUID | None, limit: int
) -> list[RunRow]:
    """The active runs of a journey whose version is another one, by id beyond `after`."""
    return await fetch_all_as(
        conn,
        RunRow,
        _READ_OTHER_VERSIONS,
        {"journey": journey, "version": version, "after": after, "limit": limit},
    )


async def lock_run(conn: Connection, run_id: UUID) -> RunRow | None:
    """A run with its contact's row and its own locked until the transaction ends.

    Under this lock every event of the contact with a lower id is visible.
    """
    return await _lock(conn, run_id, LOCK_RUN)


async def lock_run_to_claim(conn: Connection, run_id: UUID) -> RunRow | None:
    """`lock_run`, and no pause of the journey can begin before the transaction ends.

    The journey's state that a later statement reads is then valid until the commit.
    """
    return await _lock(conn, run_id, _LOCK_TO_CLAIM)


async def _lock(conn: Connection, run_id: UUID, query: Sql) -> RunRow | None:
    """The run, also if its contact was merged into another while the lock was waited for."""
    while True:
        run = await fetch_one_as(conn, RunRow, query, {"run": run_id})
        if run is not None or not await fetch_value(conn, _EXISTS, {"run": run_id}):
            return run

"""Calls to Temporal that are still to be made for runs.

A transaction that begins or ends a run makes no call: it leaves a mark on the row. A dispatcher
takes marks as parked calls, each with a lease. A call that failed stays parked and is made again
later, so no mark and no failed call keeps another one waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_all_as, fetch_column, fetch_value, sql, statement
from store.tables.runs import CallKind, Run

_SWEPT_AFTER = timedelta(minutes=1)
"""A run without a workflow is left to its creator for so long."""

_UNSTARTED = sql("""
select r.id from run r
where r.state = 'active' and r.workflow_started_at is null
  and r.started_at < parcours.clock() - %(age)s::interval
  and not exists (select from parked_call p where p.run_id = r.id and p.kind = 'start')
order by r.started_at limit %(limit)s
""")
# `skip locked`: a row that a step has locked at this moment is taken by the next look.
_TAKE_MARKS = sql("""
with started as (
    select id from run
    where state = 'active' and workflow_started_at is null and start_workflow
    order by started_at limit %(limit)s for no key update skip locked
), stopped as (
    select id from run where stop_workflow
    order by ended_at limit %(limit)s for no key update skip locked
), cleared as (
    update run set start_workflow = start_workflow and id not in (select id from started),
           stop_workflow = stop_workflow and id not in (select id from stopped)
    where id in (select id from started union select id from stopped)
)
insert into parked_call (run_id, kind)
select id, 'start' from started union all select id, 'stop' from stopped
on conflict do nothing
""")
_TAKE_PARKED = sql("""
update parked_call p set not_before = parcours.clock() + %(lease)s
from (
    select run_id, kind, visit from parked_call where not_before <= parcours.clock()
    order by not_before limit %(limit)s for update skip locked
) due, run r
where p.run_id = due.run_id and p.kind = due.kind and p.visit = due.visit and r.id = p.run_id
returning p.run_id, p.kind, p.visit, p.attempts, r.journey, r.state = 'active' as active
""")
_PARK = sql("""
insert into parked_call (run_id, kind, visit, attempts, not_before)
select r.id, g.kind, g.visit, 1, parcours.clock() + %(delay)s
from unnest(%(runs)s::uuid[], %(kinds)s::text[], %(visits)s::int[]) g(run_id, kind, visit)
join run r on r.id = g.run_id
on conflict (run_id, kind, visit) do nothing
""")
_RETRY = sql("""
update parked_call set attempts = least(attempts + 1, 30000),
       not_before = parcours.clock() + %(delay)s
where run_id = %(run)s and kind = %(kind)s and visit = %(visit)s
""")
_GIVE_BACK = sql("""
update parked_call p set not_before = parcours.clock()
from unnest(%(runs)s::uuid[], %(kinds)s::text[], %(visits)s::int[]) g(run_id, kind, visit)
where p.run_id = g.run_id and p.kind = g.kind and p.visit = g.visit
""")
_DONE = sql("""
delete from parked_call p
using unnest(%(runs)s::uuid[], %(kinds)s::text[], %(visits)s::int[]) g(run_id, kind, visit)
where p.run_id = g.run_id and p.kind = g.kind and p.visit = g.visit
""")
_STARTED = statement(
    update(Run)
    .where(col(Run.id) == func.any(bindparam("runs")), col(Run.workflow_started_at).is_(None))
    .values(start_workflow=False, workflow_started_at=func.parcours.clock())
)
_MARK_START = statement(
    update(Run).where(col(Run.id) == bindparam("run")).values(start_workflow=True)
)
_STOPPED = statement(
    update(Run)
    .where(col(Run.id) == func.any(bindparam("runs")), col(Run.stop_workflow))
    .values(stop_workflow=False)
)
_ACTIVE = statement(
    select(col(Run.id)).where(
        col(Run.id) == func.any(bindparam("runs")), col(Run.state) == "active"
    )
)
CALLS_DUE = sql("""
exists (select from run where state = 'active' and workflow_started_at is null and start_workflow)
or exists (select from run where stop_workflow)
or exists (select from parked_call where not_before <= parcours.clock())
""")
"""Whether a call is due, as a condition of SQL."""
_ANY_DUE = sql("select {due}", due=CALLS_DUE)


_NOTICED = sql("""
select state <> 'active' or exit_rule is not null or visit > %(visit)s from run where id = %(run)s
""")
_NOTICED_EXIT = sql("""
select state <> 'active' or exit_rule is not null from run where id = %(run)s
""")


@dataclass(frozen=True)
class ParkedCall:
    """A call that is to be made for a run."""

    run_id: UUID
    kind: CallKind
    visit: int
    attempts: int
    journey: str
    active: bool
    """Whether the run has not ended."""

    @property
    def key(self) -> CallKey:
        """What names it."""
        return self.run_id, self.kind, self.visit


CallKey = tuple[UUID, CallKind, int]
"""The run, what to do, and the visit of a wake."""


async def runs_to_start(conn: Connection, limit: int) -> list[UUID]:
    """Active runs older than a minute whose workflow was not started, oldest first.

    Those whose start is parked are left out.
    """
    return await fetch_column(conn, _UNSTARTED, {"limit": limit, "age": _SWEPT_AFTER})


async def take_calls(conn: Connection, limit: int, lease: timedelta) -> list[ParkedCall]:
    """Take up to `limit` calls that are due, marks among them, for the time of the lease."""
    if not await fetch_value(conn, _ANY_DUE):
        return []
    await execute(conn, _TAKE_MARKS, {"limit": limit})
    return await fetch_all_as(conn, ParkedCall, _TAKE_PARKED, {"limit": limit, "lease": lease})


async def park_calls(conn: Connection, calls: Sequence[CallKey], delay: timedelta) -> None:
    """Make calls that failed once again after `delay`; those of runs that are gone are dropped."""
    if calls:
        await execute(conn, _PARK, {**_columns(calls), "delay": delay})


async def retry_call(conn: Connection, call: CallKey, delay: timedelta) -> None:
    """Make a parked call that failed again after `delay`."""
    run_id, kind, visit = call
    await execute(conn, _RETRY, {"run": run_id, "kind": kind, "visit": visit, "delay": delay})


async def give_back_calls(conn: Connection, calls: Sequence[CallKey]) -> None:
    """End the leases of calls that were not made, so that they are due at once."""
    await execute(conn, _GIVE_BACK, _columns(calls))


async def calls_done(conn: Connection, calls: Sequence[CallKey]) -> None:
    """Remove calls that were made, or whose run needs them no more."""
    await execute(conn, _DONE, _columns(calls))


def _columns(calls: Sequence[CallKey]) -> dict[str, list[object]]:
    return {
        "runs": [run_id for run_id, _, _ in calls],
        "kinds": [kind for _, kind, _ in calls],
        "visits": [visit for _, _, visit in calls],
    }


async def was_noticed(conn: Connection, call: CallKey) -> bool:
    """Whether the workflow of a run has acted on a call: it has moved, or ended."""
    run_id, kind, visit = call
    query = _NOTICED if kind == "start" or visit else _NOTICED_EXIT
    return await fetch_value(conn, query, {"run": run_id, "visit": visit}) is not False


async def mark_start(conn: Connection, run_id: UUID) -> None:
    """Let a dispatcher start the workflow of a run."""
    await execute(conn, _MARK_START, {"run": run_id})


async def workflow_started(conn: Connection, run_ids: Sequence[UUID]) -> None:
    """Record that Temporal has the workflows of these runs."""
    await execute(conn, _STARTED, {"runs": list(run_ids)})


async def workflows_stopped(conn: Connection, run_ids: Sequence[UUID]) -> None:
    """Record that the workflows of ended runs were stopped."""
    if run_ids:
        await execute(conn, _STOPPED, {"runs": list(run_ids)})


async def active_among(conn: Connection, run_ids: list[UUID]) -> list[UUID]:
    """The runs of the list that are still active."""
    return await fetch_column(conn, _ACTIVE, {"runs": run_ids})

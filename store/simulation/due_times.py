"""Due times of the runs in a simulation, from which its driver takes the next time to go to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, func, select
from sqlmodel import col

from store.runs.workflow_marks import CALLS_DUE
from store.sql import Connection, fetch_all, fetch_all_as, fetch_value, sql, statement
from store.tables.runs import Run, Visit

_AT_STEP = and_(col(Run.id) == col(Visit.run_id), col(Run.visit) == col(Visit.visit))
_OPEN = (col(Run.state) == "active", col(Visit.outcome).is_(None))

_NEXT_DUE = statement(select(func.min(col(Visit.due_at))).join(Run, _AT_STEP).where(*_OPEN))
_OVERDUE = statement(
    select(col(Run.id).label("run_id"), col(Run.journey))
    .select_from(Visit)
    .join(Run, _AT_STEP)
    .where(*_OPEN, col(Visit.due_at) <= bindparam("now"))
)
_NEXT_LISTENER = sql("select min(due_at) from listener")
_NEXT_SEGMENT = sql("select min(coalesce(take_at, due_at)) from segment_due")

# Each part is true whenever a drainer of that kind may find something.
_WORK_DUE = sql(
    """
select {calls} or exists (select from outbox)
or exists (select from listener where due_at <= parcours.clock())
or exists (select from listener where catalog_revision < (select revision from catalog))
or exists (select from segment_due where coalesce(take_at, due_at) <= parcours.clock())
or exists (select from date_entry where look_at <= parcours.clock())
or exists (select from job where state = 'running')
""",
    calls=CALLS_DUE,
)
_ANY_MOVED = sql("select exists (select from zone_change where changed_at = parcours.clock())")
_FIRST_DATES = sql("select contact_id, min(due_at) from date_entry group by contact_id")


@dataclass(frozen=True)
class OverdueRun:
    """A run that is still waiting although its due time has come."""

    run_id: UUID
    journey: str


async def next_due(conn: Connection) -> datetime | None:
    """The earliest due time of a waiting run; None if there is none."""
    due: datetime | None = await fetch_value(conn, _NEXT_DUE)
    return due


async def overdue_runs(conn: Connection, now: datetime) -> list[OverdueRun]:
    """The waiting runs whose due time is `now` or before."""
    return await fetch_all_as(conn, OverdueRun, _OVERDUE, {"now": now})


async def next_condition_due(conn: Connection) -> datetime | None:
    """The earliest due time of a condition that a run listens for; None if there is none."""
    due: datetime | None = await fetch_value(conn, _NEXT_LISTENER)
    return due


async def next_segment_due(conn: Connection) -> datetime | None:
    """The earliest time at which a contact may enter or leave a segment; None if there is none."""
    due: datetime | None = await fetch_value(conn, _NEXT_SEGMENT)
    return due


async def is_work_due(conn: Connection) -> bool:
    """Whether there may be something to dispatch, to look at by now, or to do for a job."""
    return bool(await fetch_value(conn, _WORK_DUE))


async def first_dates(conn: Connection) -> dict[UUID, datetime]:
    """The next moment at which each contact enters by a date."""
    return dict(await fetch_all(conn, _FIRST_DATES))


async def has_anyone_moved(conn: Connection) -> bool:
    """Whether the time zone of a contact has changed at this instant."""
    return bool(await fetch_value(conn, _ANY_MOVED))

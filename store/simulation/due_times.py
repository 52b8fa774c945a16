"""Due times of the runs in a simulation, from which its driver takes the next time to go to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, func, select
from sqlmodel import col

from store.sql import Connection, fetch_all_as, fetch_value, sql, statement
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
_EVENTS = sql("""
select distinct e.stamped_at as at, c.timezone from event e
join contact c on c.id = e.contact_id
where e.name = any(%(names)s) and exists (
    select from listener l join run r on r.id = l.run_id
    where l.timed and r.state = 'active' and r.contact_id = c.id)
""")


@dataclass(frozen=True)
class OverdueRun:
    """A run that is still waiting although its due time has come."""

    run_id: UUID
    journey: str


@dataclass(frozen=True)
class StoredEvent:
    """When an event was stored, and its contact's time zone."""

    at: datetime
    timezone: str | None


async def next_due(conn: Connection) -> datetime | None:
    """The earliest due time of a waiting run; None if there is none."""
    due: datetime | None = await fetch_value(conn, _NEXT_DUE)
    return due


async def overdue_runs(conn: Connection, now: datetime) -> list[OverdueRun]:
    """The waiting runs whose due time is `now` or before."""
    return await fetch_all_as(conn, OverdueRun, _OVERDUE, {"now": now})


async def events_of_timed_waits(conn: Connection, names: Collection[str]) -> list[StoredEvent]:
    """The events of the contacts whose runs wait for a condition that time alone can make true."""
    return await fetch_all_as(conn, StoredEvent, _EVENTS, {"names": list(names)})

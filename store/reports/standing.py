"""Where runs stand: those of a contact in every journey, and those that make no progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from store.definitions.catalog import BrokenDocument, Catalog
from store.reports.attention_kinds import OVERDUE, STUCK_RUNS
from store.reports.explain_gates import Waiting
from store.reports.explain_runs import read_waiting
from store.reports.run_listing import ListedRun, list_runs, show_run
from store.runs.rows import read_run
from store.sql import fetch_all_as, sql
from store.tables.runs import RunState

_STUCK: Final = sql(
    """
select r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact,
       coalesce(s.step, r.step) as step, s.since, s.reason
from ({stuck}) s
join run r on r.id = s.run_id and r.state = 'active' and (s.visit is null or r.visit = s.visit)
join contact c on c.id = r.contact_id
where %(journey)s::text is null or r.journey = %(journey)s
order by s.since, r.id limit %(limit)s
""",
    stuck=STUCK_RUNS,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A run, and what it waits for."""

    run: ListedRun
    waiting: Waiting | None
    """None if it has ended, or if its version no longer validates."""


@dataclass(frozen=True, slots=True)
class StuckRun:
    """A run that is due and makes no progress."""

    id: UUID
    journey: str
    version: int
    contact: str
    step: str | None
    since: datetime
    reason: str


async def runs_of_contact(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    contact: str,
    *,
    state: RunState | None,
    cursor: str | None,
    limit: int,
) -> tuple[list[Standing], UUID | None]:
    """A page of a contact's runs, the newest first, each with what it waits for, and the cursor.

    Raises BadCursor.
    """
    listing = await list_runs(conn, contact=contact, state=state, cursor=cursor, limit=limit)
    found = [Standing(run, await _waiting(conn, catalog, run)) for run in listing.items]
    return found, listing.next


async def _waiting(conn: AsyncConnection[Any], catalog: Catalog, run: ListedRun) -> Waiting | None:
    if run.state != "active":
        return None
    row, shown = await read_run(conn, run.id), await show_run(conn, run.id)
    if row is None or shown is None:
        return None
    try:
        definition = await catalog.definition(conn, row.journey, row.version)
    except (BrokenDocument, LookupError):
        return None
    return await read_waiting(conn, row, definition, shown.visits)


async def stuck_runs(conn: AsyncConnection[Any], journey: str | None, limit: int) -> list[StuckRun]:
    """Runs that are due and make no progress, those first that are so for the longest time."""
    wanted = {"journey": journey, "limit": limit, "counted": limit, "overdue": OVERDUE}
    return await fetch_all_as(conn, StuckRun, _STUCK, wanted)

"""Entries by date: the moments that are due, and those that follow from a change of a contact.

The next moment of each contact stands in PostgreSQL. It is set by a job when a journey goes live,
by the dispatch round when a contact appears or changes, and here after each moment that came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.due_queue import DueQueue, Worked
from dispatch.faults import FoundFault, raise_outage
from dispatch.jobs import start_job
from journeys.model.well_known_events import CONTACT_CHANGED, CONTACT_CREATED
from store.dates.date_rows import plan_dates, watched_names
from store.dates.due_dates import (
    DueDate,
    drain_dates,
    put_off_date,
    seconds_to_next_date,
    take_due_date,
    take_due_dates,
)
from store.dates.fills import needed_fills
from store.dates.live_journeys import read_live_journeys
from store.definitions.catalog import Active, Catalog, Definition
from store.events.outbox import OutboxEvent
from store.operations.jobs import create_job
from store.segments.segment_conditions import read_revision
from store.sql import Connection, execute, sql

log = structlog.get_logger(__name__)

_TIMEOUT = sql("set local statement_timeout = '5s'")
_NO_WAITING = sql("set local lock_timeout = '2s'")
_ZONE_NAMES: Final = frozenset({"timezone", "country", "phone"})
"""What may change the zone of a contact."""
FILLS: Final = UUID("0c5f7d2e-6d1a-5a57-9a39-2f7f4f0d7d1b")
"""The namespace of the ids of jobs that set the moments of a journey."""


class DueDates:
    """The source of due date entries."""

    name = "dates"
    lanes = (0, 1)
    """What is due, and what has failed before."""
    resting: frozenset[int] = frozenset()

    def __init__(self, catalog: Catalog, nudge: Callable[[], None]) -> None:
        """`nudge`: called after a page, which may have begun runs."""
        self._catalog = catalog
        self._nudge = nudge

    async def prepare(self, conn: Connection, lane: int) -> None:
        """Nothing has to be done before."""

    async def begin(self, conn: Connection) -> None:
        """Bound the statements of a page."""
        await execute(conn, _TIMEOUT)
        await execute(conn, _NO_WAITING)

    async def take(self, conn: Connection, limit: int, lane: int) -> list[DueDate]:
        """Date entries that are due."""
        return await take_due_dates(conn, limit, again=bool(lane))

    async def take_one(self, conn: Connection, thing: DueDate) -> DueDate | None:
        """One as it is now."""
        return await take_due_date(conn, thing)

    async def work(
        self, conn: Connection, things: Sequence[DueDate], lane: int, *, alone: bool
    ) -> Worked[DueDate]:
        """Begin the runs of what was taken. Raises BrokenDocument for a journey that is broken."""
        active = await self._catalog.active(conn, await read_revision(conn))
        await drain_dates(conn, self._catalog, active, things)
        return Worked()

    async def put_off(self, conn: Connection, thing: DueDate, delay: timedelta) -> None:
        """Look at one again after a delay."""
        await put_off_date(conn, thing, delay)

    def fault_of(self, things: Sequence[DueDate], error: Exception) -> FoundFault:
        """The fault of a contact."""
        return FoundFault(self.name, error, contact_id=things[0].contact_id)

    async def after_page(self, conn: Connection) -> None:
        """Have the workflows of the runs that began started."""
        self._nudge()

    async def seconds_to_next(self, conn: Connection, lane: int) -> float | None:
        """How long until one is due."""
        return await seconds_to_next_date(conn, again=bool(lane))


def date_queue(
    pool: AsyncConnectionPool[AsyncConnection[Any]], catalog: Catalog, nudge: Callable[[], None]
) -> DueQueue[DueDate]:
    """The drainer of date entries in one process; `nudge` is the dispatcher's."""
    return DueQueue(pool, DueDates(catalog, nudge))


async def plan_changed_dates(
    conn: Connection,
    active: Active,
    events: Sequence[OutboxEvent],
    faults: list[FoundFault],
) -> None:
    """Set the next moments of contacts that appeared, or whose date or zone changed.

    Without entries by date no statement is run. A journey at fault keeps no other from its turn.
    """
    if not active.dated:
        return
    changes = [each for each in events if each.name in (CONTACT_CREATED, CONTACT_CHANGED)]
    if not changes:
        return
    live = await read_live_journeys(conn, active.dated)
    for key, definition in active.dated.items():
        changed = _changed(definition, changes)
        if not changed or key not in live:
            continue
        try:
            async with conn.transaction():
                await plan_dates(conn, definition, live[key], changed)
        except Exception as error:
            raise_outage(error)
            faults.append(FoundFault("dates", error, subject=f"journey {key}"))


def _changed(definition: Definition, events: Sequence[OutboxEvent]) -> dict[UUID, datetime | None]:
    """The contacts whose moments may have changed, with when their dates did, if they did."""
    watched = watched_names(definition)
    found: dict[UUID, datetime | None] = {}
    for event in events:
        names = set(event.properties.get("names") or ())
        if event.name == CONTACT_CREATED or not names.isdisjoint(watched):
            found[event.contact_id] = event.stamped_at
        elif not names.isdisjoint(_ZONE_NAMES):
            found.setdefault(event.contact_id, None)
    return found


async def make_date_fills(conn: Connection, journey: str | None = None) -> list[UUID]:
    """Make the jobs that set the moments of journeys whose version went live, or that could not be
    read for a time; each once."""
    made = []
    for needed in await needed_fills(conn, journey):
        reason = f" {needed.fault}" if needed.fault else ""
        job_id = uuid5(FILLS, f"{needed.journey} {needed.activation}{reason}")
        await create_job(
            conn,
            "dates",
            needed.journey,
            job_id=job_id,
            plan={"activation": needed.activation},
            total=needed.contacts,
        )
        made.append(job_id)
    return made


async def begin_date_fills(conn: Connection, client: Client, journey: str | None = None) -> None:
    """`make_date_fills` for one journey or all, with their workflows."""
    for job_id in await make_date_fills(conn, journey):
        await start_job(conn, client, job_id)
        log.info("dates_of_journey_set", job=str(job_id))

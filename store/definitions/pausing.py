"""Pause and resumption of a journey, or of all: the state, and the sends that the pause defers.

A claim takes the pause's lock in shared mode, so a pause comes either before or after a claim: no
message is claimed later than the pause's commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, null, select, update
from sqlmodel import col

from journeys.model.journey_state import JourneyState
from journeys.versions.overdue import Overdue
from store.definitions.documents import bump_catalog
from store.definitions.journeys import WrongState, lock_state
from store.operations.jobs import create_job, stop_older_jobs
from store.sql import execute, fetch_column, fetch_value, sql, statement
from store.tables.definitions import JourneyRow

_LOCK = sql("select pg_advisory_xact_lock(hashtextextended('pause ' || %(journey)s, 0))")
_COUNT_DEFERRED = sql(
    """
    select count(*) from run r join visit v on v.run_id = r.id and v.visit = r.visit
    where r.journey = %(journey)s and r.state = 'active'
      and v.outcome is null and v.held = 'paused'
    """
)
_JOURNEY = update(JourneyRow).where(col(JourneyRow.key) == bindparam("journey"))
_PAUSE = statement(
    _JOURNEY.values(
        state="paused",
        overdue=null(),
        resumed_at=None,
        updated_at=func.parcours.clock(),
        paused_with_all=bindparam("with_all"),
    )
)
_STAY_PAUSED = statement(
    update(JourneyRow)
    .where(col(JourneyRow.key) == bindparam("journey"), col(JourneyRow.paused_with_all))
    .values(paused_with_all=False)
)
_ACTIVE = statement(
    select(col(JourneyRow.key)).where(col(JourneyRow.state) == "active").order_by(JourneyRow.key)
)
_PAUSED_WITH_ALL = statement(
    select(col(JourneyRow.key))
    .where(col(JourneyRow.state) == "paused", col(JourneyRow.paused_with_all))
    .order_by(JourneyRow.key)
)
_COUNT_KEPT = sql("select count(*) from kept_entry where journey = %(journey)s")
_RESUME = statement(
    _JOURNEY.values(
        state="active",
        overdue=bindparam("overdue"),
        resumed_at=func.parcours.clock(),
        updated_at=func.parcours.clock(),
        paused_with_all=False,
    )
)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a journey that goes on is to make up for."""

    deferred: int
    """Sends that the pause deferred."""
    kept: int
    """Entries that were kept while it was paused."""

    @property
    def total(self) -> int:
        """How much the job that does it has to do."""
        return self.deferred + self.kept


async def pause(conn: AsyncConnection[Any], key: str) -> None:
    """Defer a journey's sends and refuse its entries. Repeating it changes nothing.

    It then stays paused when all journeys are resumed that were paused together. The caller has
    locked the catalog. Waits for the claims that are being made. Raises LookupError without such a
    journey, WrongState (of store.definitions.journeys) if it is neither active nor paused.
    """
    await execute(conn, _LOCK, {"journey": key})
    if await _state(conn, key, "only an active journey can be paused") == "active":
        await execute(conn, _PAUSE, {"journey": key, "with_all": False})
        await bump_catalog(conn)
    else:
        await execute(conn, _STAY_PAUSED, {"journey": key})


async def pause_all(conn: AsyncConnection[Any]) -> list[str]:
    """Pause all active journeys, each as `pause` does; returns those that were active.

    Journeys that were paused before stay so when these are resumed. The caller has locked the
    catalog.
    """
    journeys: list[str] = await fetch_column(conn, _ACTIVE)
    for key in journeys:
        await execute(conn, _LOCK, {"journey": key})
        await execute(conn, _PAUSE, {"journey": key, "with_all": True})
    if journeys:
        await bump_catalog(conn)
    return journeys


async def paused_with_all(conn: AsyncConnection[Any]) -> list[str]:
    """The journeys that `pause_all` has paused, and that are still paused for that reason."""
    journeys: list[str] = await fetch_column(conn, _PAUSED_WITH_ALL)
    return journeys


async def resume(conn: AsyncConnection[Any], key: str, overdue: Overdue) -> Resumed:
    """End a journey's pause; returns what it is to make up for: `overdue` is for its sends.

    Resuming an active journey replaces the policy for the sends that are still deferred. The caller
    has locked the catalog. Waits for the claims that are being made, so that the sends that they
    defer are counted. Raises as `pause` does.
    """
    await execute(conn, _LOCK, {"journey": key})
    state = await _state(conn, key, "only a paused journey can be resumed")
    deferred = int(await fetch_value(conn, _COUNT_DEFERRED, {"journey": key}))
    if state == "paused" or deferred:
        await execute(conn, _RESUME, {"journey": key, "overdue": Jsonb(overdue.as_json())})
        await bump_catalog(conn)
    return Resumed(deferred, int(await fetch_value(conn, _COUNT_KEPT, {"journey": key})))


async def begin_resumption(
    conn: AsyncConnection[Any], key: str, overdue: Overdue, resumed: Resumed
) -> UUID | None:
    """The job that makes up for what a pause has deferred and kept; None if there is nothing."""
    if not resumed.total:
        return None
    await stop_older_jobs(conn, "resume", key)
    plan = {"overdue": overdue.as_json(), "kept": resumed.kept > 0}
    return await create_job(conn, "resume", key, plan=plan, total=resumed.total)


async def _state(conn: AsyncConnection[Any], key: str, otherwise: str) -> JourneyState:
    state = await lock_state(conn, key)
    if state not in ("active", "paused"):
        raise WrongState(f"journey {key} is {state}: {otherwise}")
    return state

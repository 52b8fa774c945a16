"""Pause and resumption of a journey: its state, and the sends that the pause defers.

A claim takes the pause's lock in shared mode, so a pause comes either before or after a claim: no
message is claimed later than the pause's commit.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, null, update
from sqlmodel import col

from journeys.model.journey_state import JourneyState
from journeys.versions.overdue import Overdue
from store.definitions.documents import bump_catalog
from store.definitions.journeys import WrongState, lock_state
from store.sql import execute, fetch_value, sql, statement
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
        state="paused", overdue=null(), resumed_at=None, updated_at=func.parcours.clock()
    )
)
_RESUME = statement(
    _JOURNEY.values(
        state="active",
        overdue=bindparam("overdue"),
        resumed_at=func.parcours.clock(),
        updated_at=func.parcours.clock(),
    )
)


async def pause(conn: AsyncConnection[Any], key: str) -> None:
    """Defer a journey's sends and refuse its entries. Repeating it changes nothing.

    The caller has locked the catalog. Waits for the claims that are being made. Raises LookupError
    without such a journey, WrongState (of store.definitions.journeys) if it is neither active nor
    paused.
    """
    await execute(conn, _LOCK, {"journey": key})
    if await _state(conn, key, "only an active journey can be paused") == "active":
        await execute(conn, _PAUSE, {"journey": key})
        await bump_catalog(conn)


async def resume(conn: AsyncConnection[Any], key: str, overdue: Overdue) -> int:
    """End a journey's pause; returns the number of its deferred sends, which `overdue` is for.

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
    return deferred


async def _state(conn: AsyncConnection[Any], key: str, otherwise: str) -> JourneyState:
    state = await lock_state(conn, key)
    if state not in ("active", "paused"):
        raise WrongState(f"journey {key} is {state}: {otherwise}")
    return state

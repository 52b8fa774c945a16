"""Pausing a journey and letting it go on: its state, and the sends that the pause held.

A claim holds the pause's lock shared, so a pause comes before it or after it: nothing is claimed
later than the pause's commit.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.versions.overdue import Overdue
from store.definitions.documents import bump_catalog
from store.definitions.journeys import WrongState

_LOCK = "select pg_advisory_xact_lock(hashtextextended('pause ' || %s, 0))"
_COUNT = """
select count(*) from run r join visit v on v.run_id = r.id and v.visit = r.visit
where r.journey = %s and r.state = 'active' and v.outcome is null and v.held = 'paused'
"""


async def pause(conn: AsyncConnection[Any], key: str) -> None:
    """Hold a journey's sends and refuse its entries. Pausing it again changes nothing.

    The catalog is locked by the caller. Waits for the claims that are being made. Raises
    LookupError without such a journey, store.definitions.journeys.WrongState if it is neither active nor
    paused.
    """
    await conn.execute(_LOCK, (key,))
    state = await _state(conn, key, "only an active journey can be paused")
    if state == "active":
        await conn.execute(
            "update journey set state = 'paused', overdue = null, resumed_at = null,"
            " updated_at = parcours.clock() where key = %s",
            (key,),
        )
        await bump_catalog(conn)


async def resume(conn: AsyncConnection[Any], key: str, overdue: Overdue) -> int:
    """Let a journey go on; how many sends its pause holds, which `overdue` is for.

    Resuming an active one changes what becomes of those that are still held. The catalog is locked
    by the caller. Waits for the claims that are being made: what they hold is held by then. Raises
    as `pause` does.
    """
    await conn.execute(_LOCK, (key,))
    state = await _state(conn, key, "only a paused journey can be resumed")
    cursor = await conn.execute(_COUNT, (key,))
    row = await cursor.fetchone()
    held = row[0] if row else 0
    if state == "paused" or held:
        await conn.execute(
            "update journey set state = 'active', overdue = %s, resumed_at = parcours.clock(),"
            " updated_at = parcours.clock() where key = %s",
            (Jsonb(overdue.as_json()), key),
        )
        await bump_catalog(conn)
    return int(held)


async def _state(conn: AsyncConnection[Any], key: str, otherwise: str) -> str:
    cursor = await conn.execute(
        "select state from journey where key = %s for no key update", (key,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    if row[0] not in ("active", "paused"):
        raise WrongState(f"journey {key} is {row[0]}: {otherwise}")
    return str(row[0])

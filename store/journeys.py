"""Journeys: their versions, which never change, and their state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from store.documents import Saved, bump_catalog, hash_content

State = Literal["draft", "active", "paused", "archived"]


class WrongState(Exception):
    """The journey's state does not allow what was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


@dataclass(frozen=True)
class StoredJourney:
    """A journey with its newest version, or the one that was asked for."""

    key: str
    state: State
    active_version: int | None
    version: int
    newest_version: int
    document: dict[str, Any]
    source: str
    created_at: datetime
    updated_at: datetime


_READ = """
select j.key, j.state, j.active_version, v.version, newest.version as newest_version, v.document,
       v.source, j.created_at, j.updated_at
from journey j
cross join lateral (
    select max(version) as version from journey_version where journey = j.key
) newest
join journey_version v on v.journey = j.key and v.version = coalesce(%(version)s, newest.version)
"""


async def save_version(
    conn: AsyncConnection[Any],
    key: str,
    document: dict[str, Any],
    program: dict[str, Any],
    source: str,
) -> Saved:
    """Keep a definition as a new version, a draft until it is activated.

    The catalog is locked by the caller. Content that is the newest version's makes none.
    """
    content = hash_content(document)
    cursor = await conn.execute(
        "select version, sha256 from journey_version where journey = %s"
        " order by version desc limit 1",
        (key,),
    )
    row = await cursor.fetchone()
    if row is not None and row[1] == content:
        return Saved(row[0], new=False, changed=False)
    version = row[0] + 1 if row is not None else 1
    await conn.execute("insert into journey (key) values (%s) on conflict (key) do nothing", (key,))
    await conn.execute(
        "insert into journey_version (journey, version, document, program, source, sha256)"
        " values (%s, %s, %s, %s, %s, %s)",
        (key, version, Jsonb(document), Jsonb(program), source, content),
    )
    await bump_catalog(conn)
    return Saved(version, new=row is None, changed=True)


async def read_journey(
    conn: AsyncConnection[Any], key: str, version: int | None = None
) -> StoredJourney | None:
    """A journey with a version of it, the newest by default; None if there is no such one."""
    async with conn.cursor(row_factory=class_row(StoredJourney)) as cursor:
        await cursor.execute(_READ + " where j.key = %(key)s", {"key": key, "version": version})
        return await cursor.fetchone()


async def list_journeys(conn: AsyncConnection[Any], after: str, limit: int) -> list[StoredJourney]:
    """Journeys by key with their newest versions, those beyond `after`."""
    async with conn.cursor(row_factory=class_row(StoredJourney)) as cursor:
        await cursor.execute(
            _READ + " where j.key > %(after)s order by j.key limit %(limit)s",
            {"after": after, "limit": limit, "version": None},
        )
        return await cursor.fetchall()


async def activate(conn: AsyncConnection[Any], key: str, version: int) -> State:
    """Let new runs take a version; the journey's state from then on.

    The catalog is locked by the caller. A paused journey stays so: its held sends wait for
    whoever paused it.
    """
    cursor = await conn.execute(
        """
        update journey set active_version = %(version)s, updated_at = parcours.clock(),
               state = case when state = 'paused' then 'paused' else 'active' end
        where key = %(key)s
        returning state
        """,
        {"key": key, "version": version},
    )
    await bump_catalog(conn)
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    state: State = row[0]
    return state


_MOVES: dict[str, tuple[State, frozenset[str], str]] = {
    "pause": ("paused", frozenset({"active", "paused"}), "only an active journey can be paused"),
    "resume": ("active", frozenset({"active", "paused"}), "only a paused journey can be resumed"),
    "archive": ("archived", frozenset({"draft", "active", "paused", "archived"}), ""),
}


async def move(
    conn: AsyncConnection[Any], key: str, act: Literal["pause", "resume", "archive"]
) -> State:
    """Pause, resume or archive a journey; its state from then on. Doing it again changes nothing.

    The catalog is locked by the caller. Raises LookupError without such a journey, WrongState if
    its state does not allow it.
    """
    to, allowed, otherwise = _MOVES[act]
    cursor = await conn.execute("select state from journey where key = %s for update", (key,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    if row[0] not in allowed:
        raise WrongState(f"journey {key} is {row[0]}: {otherwise}")
    if row[0] != to:
        await conn.execute(
            "update journey set state = %s, updated_at = parcours.clock() where key = %s",
            (to, key),
        )
        await bump_catalog(conn)
    return to


async def held_visits(
    conn: AsyncConnection[Any], journey: str, after: UUID | None, limit: int
) -> list[tuple[UUID, int]]:
    """Runs of a journey whose send stands still for a pause, by id: (run, visit)."""
    cursor = await conn.execute(
        """
        select r.id, v.visit from run r
        join visit v on v.run_id = r.id and v.visit = r.visit
        where r.journey = %(journey)s and r.state = 'active' and v.outcome is null
          and v.held = 'paused' and (%(after)s::uuid is null or r.id > %(after)s::uuid)
        order by r.id limit %(limit)s
        """,
        {"journey": journey, "after": after, "limit": limit},
    )
    return [(run_id, visit) for run_id, visit in await cursor.fetchall()]


async def forgotten_visits(conn: AsyncConnection[Any], limit: int) -> list[tuple[str, UUID, int]]:
    """Sends that stand still for a pause that is over: (journey, run, visit), oldest first."""
    cursor = await conn.execute(
        """
        select r.journey, v.run_id, v.visit
        from visit v
        join run r on r.id = v.run_id and r.state = 'active'
        join journey j on j.key = r.journey and j.state <> 'paused'
        where v.held = 'paused' and v.outcome is null order by v.started_at limit %s
        """,
        (limit,),
    )
    return [(journey, run_id, visit) for journey, run_id, visit in await cursor.fetchall()]

"""Journeys: their versions, which never change, and their state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from store.definitions.documents import Saved, bump_catalog, hash_content

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


async def versions_in_flight(conn: AsyncConnection[Any], key: str) -> list[int]:
    """The versions that runs of a journey may be of: the active one, and those of active runs."""
    cursor = await conn.execute(
        "select active_version from journey where key = %(key)s and active_version is not null"
        " union select distinct version from run where journey = %(key)s and state = 'active'"
        " order by 1",
        {"key": key},
    )
    return [row[0] for row in await cursor.fetchall()]


async def read_resumption(conn: AsyncConnection[Any], key: str) -> datetime | None:
    """When a journey went on after its last pause; None while it is paused, or if it never was."""
    cursor = await conn.execute("select resumed_at from journey where key = %s", (key,))
    row = await cursor.fetchone()
    return row[0] if row else None


async def archive(conn: AsyncConnection[Any], key: str) -> None:
    """Refuse a journey's entries for good; its runs go on. Doing it again changes nothing.

    The catalog is locked by the caller. Raises LookupError without such a journey.
    """
    cursor = await conn.execute(
        "select state from journey where key = %s for no key update", (key,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    if row[0] != "archived":
        await conn.execute(
            "update journey set state = 'archived', updated_at = parcours.clock() where key = %s",
            (key,),
        )
        await bump_catalog(conn)


async def journey_version(conn: AsyncConnection[Any], journey: str) -> int | None:
    """The version that new runs take; 0 if none is active yet, None without such a journey."""
    cursor = await conn.execute(
        "select coalesce(active_version, 0) from journey where key = %s", (journey,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None

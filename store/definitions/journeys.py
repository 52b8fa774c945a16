"""Journeys: their versions, which never change, and their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.model.journey_state import JourneyState
from store.definitions.contents import keep_contents
from store.definitions.documents import KEEPS_TEXT, Saved, bump_catalog, hash_content
from store.sql import (
    execute,
    fetch_all_as,
    fetch_column,
    fetch_one,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
)
from store.tables.definitions import JourneyRow, JourneyVersion


class WrongState(Exception):
    """The journey's state does not allow the change that was requested."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


@dataclass(frozen=True)
class StoredJourney:
    """A journey with its newest version, or with the one that was asked for."""

    key: str
    state: JourneyState
    paused_with_all: bool
    """Whether it was paused with all others, and is resumed with them."""
    active_version: int | None
    version: int
    newest_version: int
    document: dict[str, Any]
    source: str
    created_at: datetime
    updated_at: datetime


_OF_KEY = col(JourneyRow.key) == bindparam("journey")
_NEWEST_CONTENT = statement(
    select(col(JourneyVersion.version), col(JourneyVersion.sha256))
    .where(col(JourneyVersion.journey) == bindparam("journey"))
    .order_by(col(JourneyVersion.version).desc())
    .limit(1)
)
_ADD_JOURNEY = statement(
    insert(JourneyRow).values(key=bindparam("journey")).on_conflict_do_nothing()
)
_REWRITE = sql(
    "update journey_version set source = %(source)s"
    " where journey = %(journey)s and version = %(version)s and not {keeps}",
    keeps=KEEPS_TEXT,
)
_ADD_VERSION = statement(
    insert(JourneyVersion).values(
        {
            name: bindparam(name)
            for name in (
                "journey",
                "version",
                "document",
                "program",
                "source",
                "sha256",
                "contents",
                "saved_by",
            )
        }
    )
)
_WITH_VERSION = sql(
    """
    select j.key, j.state, j.paused_with_all, j.active_version, v.version,
           newest.version as newest_version, v.document, v.source, j.created_at, j.updated_at
    from journey j
    cross join lateral (
        select max(version) as version from journey_version where journey = j.key
    ) newest
    join journey_version v
      on v.journey = j.key and v.version = coalesce(%(version)s, newest.version)
    """
)
_READ = sql("{journeys} where j.key = %(key)s", journeys=_WITH_VERSION)
_LIST = sql(
    "{journeys} where j.key > %(after)s order by j.key limit %(limit)s", journeys=_WITH_VERSION
)
_ACTIVATE = sql(
    """
    with noted as (
        insert into activation (journey, version, made_by)
        select key, %(version)s, %(by)s from journey
        where key = %(journey)s
          and (state not in ('active', 'paused') or active_version is distinct from %(version)s)
    )
    update journey set active_version = %(version)s, updated_at = parcours.clock(),
           state = case when state = 'paused' then 'paused' else 'active' end
    where key = %(journey)s
    returning state
    """
)
_VERSIONS_IN_FLIGHT = sql(
    """
    select active_version from journey where key = %(journey)s and active_version is not null
    union select distinct version from run where journey = %(journey)s and state = 'active'
    order by 1
    """
)
_RESUMED_AT = statement(select(col(JourneyRow.resumed_at)).where(_OF_KEY))
_LOCK_STATE = statement(
    select(col(JourneyRow.state)).where(_OF_KEY).with_for_update(key_share=True)
)
_ARCHIVE = sql("""
with noted as (
    insert into activation (journey, version, made_by)
    select key, null, %(by)s from journey where key = %(journey)s and active_version is not null
)
update journey set state = 'archived', updated_at = parcours.clock() where key = %(journey)s
""")
_VERSION_OF_NEW_RUNS = statement(
    select(func.coalesce(col(JourneyRow.active_version), 0)).where(_OF_KEY)
)

_STEPS = sql("""
select distinct node ->> 'id'
from journey_version v cross join lateral jsonb_array_elements(v.program -> 'nodes') node
where v.journey = %(journey)s
""")
_LIVE = statement(
    select(
        col(JourneyRow.state), func.coalesce(col(JourneyRow.active_version), 0).label("version")
    ).where(_OF_KEY)
)


async def save_version(
    conn: AsyncConnection[Any],
    key: str,
    document: dict[str, Any],
    program: dict[str, Any],
    source: str,
    contents: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    by: str | None = None,
) -> Saved:
    """Save a definition as a new version, which is a draft until it is activated.

    `contents` are those of its sends by step, None if they were not compiled; `by` is the name of
    the key that saves it.

    The caller has locked the catalog. No version is made if the newest one has the same content;
    another text, with other comments, takes the place of its text.
    """
    content = hash_content(document)
    newest = await fetch_one(conn, _NEWEST_CONTENT, {"journey": key})
    if newest is not None and newest[1] == content:
        text = {"journey": key, "version": newest[0], "source": source}
        rewritten = await execute(conn, _REWRITE, text) > 0
        return Saved(newest[0], new=False, changed=False, rewritten=rewritten)
    version = newest[0] + 1 if newest is not None else 1
    hashes = None if contents is None else await keep_contents(conn, contents.values())
    await execute(conn, _ADD_JOURNEY, {"journey": key})
    await execute(
        conn,
        _ADD_VERSION,
        {
            "journey": key,
            "version": version,
            "document": Jsonb(document),
            "program": Jsonb(program),
            "source": source,
            "sha256": content,
            "contents": (
                None if hashes is None else Jsonb(dict(zip(contents or (), hashes, strict=True)))
            ),
            "saved_by": by,
        },
    )
    await bump_catalog(conn)
    return Saved(version, new=newest is None, changed=True)


async def read_journey(
    conn: AsyncConnection[Any], key: str, version: int | None = None
) -> StoredJourney | None:
    """A journey with one of its versions, by default the newest.

    None if there is no such journey or version.
    """
    return await fetch_one_as(conn, StoredJourney, _READ, {"key": key, "version": version})


async def list_journeys(conn: AsyncConnection[Any], after: str, limit: int) -> list[StoredJourney]:
    """Journeys with their newest versions, in the order of their keys, from after `after` on."""
    parameters = {"after": after, "limit": limit, "version": None}
    return await fetch_all_as(conn, StoredJourney, _LIST, parameters)


async def activate(
    conn: AsyncConnection[Any], key: str, version: int, *, by: str | None = None
) -> JourneyState:
    """Make a version the one of new runs; returns the journey's state from then on.

    `by` is the name of the key that activates it.

    The caller has locked the catalog. A paused journey stays paused, and so do its sends. Raises
    LookupError without such a journey.
    """
    state: JourneyState | None = await fetch_value(
        conn, _ACTIVATE, {"journey": key, "version": version, "by": by}
    )
    await bump_catalog(conn)
    if state is None:
        raise LookupError(key)
    return state


async def versions_in_flight(conn: AsyncConnection[Any], key: str) -> list[int]:
    """The versions that runs may have: the active one, and those of active runs."""
    return await fetch_column(conn, _VERSIONS_IN_FLIGHT, {"journey": key})


async def read_resumption(conn: AsyncConnection[Any], key: str) -> datetime | None:
    """The end of a journey's last pause; None while it is paused, or if it never was."""
    resumed_at: datetime | None = await fetch_value(conn, _RESUMED_AT, {"journey": key})
    return resumed_at


async def lock_state(conn: AsyncConnection[Any], key: str) -> JourneyState:
    """A journey's state, locked until the transaction ends.

    Raises LookupError without such a journey.
    """
    state: JourneyState | None = await fetch_value(conn, _LOCK_STATE, {"journey": key})
    if state is None:
        raise LookupError(key)
    return state


async def archive(conn: AsyncConnection[Any], key: str, *, by: str | None = None) -> None:
    """Archive a journey: entries are refused for good, runs go on. Repeating it changes nothing.

    The caller has locked the catalog. Raises LookupError without such a journey.
    """
    if await lock_state(conn, key) != "archived":
        await execute(conn, _ARCHIVE, {"journey": key, "by": by})
        await bump_catalog(conn)


@dataclass(frozen=True)
class LiveJourney:
    """The state of a journey, and the version of its new runs; 0 if none is active yet."""

    state: JourneyState
    version: int


async def steps_of_versions(conn: AsyncConnection[Any], journey: str) -> set[str]:
    """The ids of the steps of all versions of a journey."""
    return set(await fetch_column(conn, _STEPS, {"journey": journey}))


async def read_live(conn: AsyncConnection[Any], journey: str) -> LiveJourney | None:
    """The state of a journey and its version of new runs; None without such a journey."""
    return await fetch_one_as(conn, LiveJourney, _LIVE, {"journey": journey})


async def journey_version(conn: AsyncConnection[Any], journey: str) -> int | None:
    """The version of new runs; 0 if none is active yet, None without such a journey."""
    version: int | None = await fetch_value(conn, _VERSION_OF_NEW_RUNS, {"journey": journey})
    return version

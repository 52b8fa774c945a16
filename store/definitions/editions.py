"""Versions of documents without their contents: who saved them, and when they were live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from sqlalchemy import bindparam, select
from sqlmodel import col

from store.sql import (
    fetch_all,
    fetch_all_as,
    fetch_one_as,
    sql,
    statement,
    table_columns,
)
from store.tables.definitions import DocumentVersion

_MOST_TIMES: Final = 20
"""Live times of one version that are listed, the newest."""


@dataclass(frozen=True)
class JourneyEdition:
    """A version of a journey."""

    version: int
    created_at: datetime
    saved_by: str | None
    """The name of a key; None: it is not known."""
    active_runs: int
    live: bool
    """Whether new runs get it."""


@dataclass(frozen=True)
class LiveTime:
    """A time in which new runs got a version."""

    since: datetime
    by: str | None
    """Who activated it; None: it is not known."""
    until: datetime | None
    """None: it lasts."""


@dataclass(frozen=True)
class DocumentEdition:
    """A version of a document that is no journey."""

    version: int
    created_at: datetime
    saved_by: str | None


@dataclass(frozen=True)
class StoredEdition:
    """A version of a document that is no journey, with its content."""

    version: int
    document: dict[str, Any]
    source: str
    """The text as it was written."""


_EDITIONS = sql(
    """
    select v.version, v.created_at, v.saved_by,
           (select count(*) from run r
            where r.journey = j.key and r.version = v.version and r.state = 'active')
               as active_runs,
           v.version is not distinct from j.active_version as live
    from journey j join journey_version v on v.journey = j.key
    where j.key = %(key)s and v.version < %(before)s
    order by v.version desc limit %(limit)s
    """
)
_LIVE_TIMES = sql("""
select version, activated_at, made_by, until from (
    select version, activated_at, made_by,
           lead(activated_at) over (order by id) as until,
           row_number() over (partition by version order by id desc) as number
    from activation where journey = %(key)s
) times
where version = any(%(versions)s::int[]) and number <= %(most)s
order by version, number
""")
_OF_DOCUMENT = (
    col(DocumentVersion.kind) == bindparam("kind"),
    col(DocumentVersion.key) == bindparam("key"),
)
_DOCUMENT_EDITIONS = statement(
    select(*table_columns(DocumentVersion, DocumentEdition))
    .where(*_OF_DOCUMENT, col(DocumentVersion.version) < bindparam("before"))
    .order_by(col(DocumentVersion.version).desc())
    .limit(bindparam("limit"))
)
_READ = statement(
    select(*table_columns(DocumentVersion, StoredEdition)).where(
        *_OF_DOCUMENT, col(DocumentVersion.version) == bindparam("version")
    )
)


async def list_editions(
    conn: AsyncConnection[Any], key: str, before: int, limit: int
) -> list[JourneyEdition]:
    """The versions of a journey below `before`, newest first."""
    return await fetch_all_as(
        conn, JourneyEdition, _EDITIONS, {"key": key, "before": before, "limit": limit}
    )


async def live_times(
    conn: AsyncConnection[Any], key: str, versions: Sequence[int]
) -> dict[int, list[LiveTime]]:
    """By version of a journey: the times in which new runs got it, the newest first."""
    rows = await fetch_all(
        conn, _LIVE_TIMES, {"key": key, "versions": list(versions), "most": _MOST_TIMES}
    )
    found: dict[int, list[LiveTime]] = {}
    for version, since, by, until in rows:
        found.setdefault(version, []).append(LiveTime(since, by, until))
    return found


async def list_document_editions(
    conn: AsyncConnection[Any], kind: str, key: str, before: int, limit: int
) -> list[DocumentEdition]:
    """The versions of a document that are kept, below `before`, newest first."""
    page = {"kind": kind, "key": key, "before": before, "limit": limit}
    return await fetch_all_as(conn, DocumentEdition, _DOCUMENT_EDITIONS, page)


async def read_document_edition(
    conn: AsyncConnection[Any], kind: str, key: str, version: int
) -> StoredEdition | None:
    """A version of a document; None if there is none, or if it is from before they were kept."""
    named = {"kind": kind, "key": key, "version": version}
    return await fetch_one_as(conn, StoredEdition, _READ, named)

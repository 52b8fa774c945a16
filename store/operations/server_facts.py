"""What the doctor asks the database: its version, its schema, its time, and the live documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.sql import Connection, fetch_all, fetch_one, fetch_value, sql


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server of PostgreSQL."""

    version: int
    """Its major version."""
    revision: str | None
    """The newest migration that was made; None if there was none."""
    now: datetime


_VERSION = sql("select current_setting('server_version_num')::int / 10000, clock_timestamp()")
_MIGRATED = sql("select to_regclass('alembic_version') is not null")
_REVISION = sql("select version_num from alembic_version")
_LIVE = sql("""
select v.journey as key, v.document
from journey j join journey_version v on v.journey = j.key and v.version = j.active_version
where j.state in ('active', 'paused')
union all
select key, document from document where kind = 'segment'
order by key
""")


async def server_facts(conn: Connection) -> ServerFacts:
    """The facts of a server, also of one without our tables."""
    row = await fetch_one(conn, _VERSION)
    assert row is not None
    version, now = row
    migrated = await fetch_value(conn, _MIGRATED)
    revision = await fetch_value(conn, _REVISION) if migrated else None
    return ServerFacts(version, revision, now)


async def live_documents(conn: Connection) -> list[tuple[str, dict[str, Any]]]:
    """The live journeys and the segments by their keys."""
    return [(key, document) for key, document in await fetch_all(conn, _LIVE)]

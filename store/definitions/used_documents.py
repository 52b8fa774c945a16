"""Documents that count now, or will: those that may use others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from store.sql import Connection, fetch_all, fetch_all_as, sql

# Of a journey, the live version and the newest one.
_EDITIONS: Final = sql("""
select kind, key, version, null as state, true as live, document->>'name' as name
from document
union all
select 'journey', j.key, v.version, j.state, v.version is not distinct from j.active_version,
       v.document->>'name'
from journey j
cross join lateral (
    select max(version) as version from journey_version where journey = j.key
) newest
join journey_version v
  on v.journey = j.key and v.version in (newest.version, j.active_version)
order by 1, 2, 3
""")
_CONTENTS: Final = sql("""
select d.kind, d.key, d.version, d.document
from unnest(%(kinds)s::text[], %(keys)s::text[], %(versions)s::int[]) as w (kind, key, version)
join document d on d.kind = w.kind and d.key = w.key and d.version = w.version
union all
select 'journey', v.journey, v.version, v.document
from unnest(%(kinds)s::text[], %(keys)s::text[], %(versions)s::int[]) as w (kind, key, version)
join journey_version v on w.kind = 'journey' and v.journey = w.key and v.version = w.version
""")

Identity = tuple[str, str, int]
"""Kind, key and version of a document."""


@dataclass(frozen=True)
class Edition:
    """A version of a document, without its content."""

    kind: str
    key: str
    version: int
    state: str | None
    """Of a journey."""
    live: bool
    """False: it is the newest version of a journey whose live version is another one, or none."""
    name: str | None

    @property
    def identity(self) -> Identity:
        """What never has another content."""
        return self.kind, self.key, self.version


async def list_editions(conn: Connection) -> list[Edition]:
    """All documents by kind and key; of journeys the live and the newest version."""
    return await fetch_all_as(conn, Edition, _EDITIONS)


async def read_contents(
    conn: Connection, identities: Sequence[Identity]
) -> dict[Identity, dict[str, Any]]:
    """The contents of these versions; those that have gone are left out."""
    kinds, keys, versions = zip(*identities, strict=True) if identities else ((), (), ())
    wanted = {"kinds": list(kinds), "keys": list(keys), "versions": list(versions)}
    rows = await fetch_all(conn, _CONTENTS, wanted)
    return {(kind, key, version): document for kind, key, version, document in rows}

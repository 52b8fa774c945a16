"""Segments as conditions name them: all of them, as they stand at one revision of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from journeys.model.conditions import Condition
from journeys.model.documents import Segment


@dataclass(frozen=True)
class Segments:
    """The segments' conditions by key. One is saved for all versions at once."""

    revision: int
    """Of the catalog."""
    conditions: Mapping[str, Condition]


NO_SEGMENTS: Final = Segments(-1, {})


async def read_segments(conn: AsyncConnection[Any]) -> Segments:
    """All segments, with the revision they were read at: one statement, so one state of both."""
    cursor = await conn.execute(
        "select c.revision, d.document from catalog c left join document d on d.kind = 'segment'"
    )
    rows = await cursor.fetchall()
    found = [Segment.model_validate(document) for _, document in rows if document is not None]
    return Segments(rows[0][0], {segment.key: segment.if_ for segment in found})


async def read_revision(conn: AsyncConnection[Any]) -> int:
    """The catalog's revision now."""
    cursor = await conn.execute("select revision from catalog")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])

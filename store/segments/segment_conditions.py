"""Conditions of segments: all of them, at one revision of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlmodel import col

from journeys.model.conditions import Condition
from journeys.model.documents import Segment
from store.sql import Connection, fetch_all, fetch_value, statement
from store.tables.definitions import Catalog, DocumentRow

_READ = statement(
    select(col(Catalog.revision), col(DocumentRow.key), col(DocumentRow.document))
    .select_from(Catalog)
    .outerjoin(DocumentRow, col(DocumentRow.kind) == "segment")
)
_REVISION = statement(select(col(Catalog.revision)))


@dataclass(frozen=True)
class Segments:
    """The segments' conditions by key. A change of one counts for all versions at once."""

    revision: int
    """The catalog's."""
    conditions: Mapping[str, Condition]
    broken: Mapping[str, str] = field(default_factory=dict)
    """The segments whose stored document no longer validates, and why; `conditions` lacks them."""


NO_SEGMENTS: Final = Segments(-1, {})


async def read_segments(conn: Connection) -> Segments:
    """All segments and the catalog's revision, read by one statement so that they agree."""
    rows = await fetch_all(conn, _READ)
    conditions: dict[str, Condition] = {}
    broken: dict[str, str] = {}
    for _, key, document in rows:
        if document is None:
            continue
        try:
            segment = Segment.model_validate(document)
        except ValueError as error:
            broken[key] = str(error)
        else:
            conditions[segment.key] = segment.if_
    return Segments(rows[0][0], conditions, broken)


async def read_revision(conn: Connection) -> int:
    """The catalog's revision now."""
    return int(await fetch_value(conn, _REVISION))

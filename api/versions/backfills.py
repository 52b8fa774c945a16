"""Backfills of a version: the jobs that its activation begins, and the preview of them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel

from journeys.model.journey import Journey
from store.definitions.catalog import Definition
from store.definitions.journeys import StoredJourney, read_journey
from store.entries.backfills import begin_backfills, preview_backfills
from store.segments.segment_conditions import Segments

_LONGEST: Final = 10.0
"""Seconds after which a preview says what it has found so far."""


class BackfillBody(BaseModel):
    """A backfill that an activation would begin."""

    of: str
    """Who they are: a segment, a group, or an attribute with its value."""
    enter: int
    """Contacts that would enter now."""
    refused: dict[str, int]
    """Contacts that would be refused, by code."""
    complete: bool
    """False: there are so many that only a part was looked at."""


async def preview_backfills_of(
    conn: AsyncConnection[Any],
    definition: Definition,
    before: StoredJourney | None,
    segments: Segments | None = None,
) -> list[BackfillBody]:
    """The backfills that going live would begin; `before` is the journey as it is stored."""
    live = None if before is None else await _live(conn, before)
    found = await preview_backfills(conn, definition, live, segments=segments, seconds=_LONGEST)
    return [
        BackfillBody(
            of=each.name,
            enter=each.counts.entered,
            refused=dict(each.counts.refused),
            complete=each.complete,
        )
        for each in found
    ]


async def begin_backfills_of(
    conn: AsyncConnection[Any], before: StoredJourney, document: dict[str, Any]
) -> list[UUID]:
    """Create the jobs of the backfills of a version that goes live, in the same transaction.

    `before` is the journey as it was before the activation.
    """
    journey = Journey.model_validate(document)
    return await begin_backfills(conn, before.key, journey, await _live(conn, before))


async def _live(conn: AsyncConnection[Any], before: StoredJourney) -> Journey | None:
    """The version that took entries before; None if none did, or if it can't be read."""
    if before.state not in ("active", "paused") or before.active_version is None:
        return None
    stored = await read_journey(conn, before.key, before.active_version)
    try:
        return None if stored is None else Journey.model_validate(stored.document)
    except ValueError:
        return None

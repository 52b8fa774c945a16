"""Backfills of journeys: the jobs that begin when one goes live, and how many they would enter."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from journeys.model.backfills import Backfill, new_backfills
from journeys.model.entry_rules import key_of_start
from journeys.model.journey import Journey
from store.definitions.catalog import Catalog, Definition
from store.entries.bulk_entry import BulkCounts, Entering, preview_entries
from store.entries.bulk_selection import read_selection
from store.operations.jobs import create_job
from store.segments.segment_conditions import Segments
from store.sql import Connection, fetch_value, sql

_CLOCK = sql("select parcours.clock()")
_PAGE: Final = 1_000


@dataclass(frozen=True)
class BackfillPreview:
    """What a backfill would do now."""

    name: str
    """Who they are, for people."""
    counts: BulkCounts
    complete: bool
    """Whether all of them were looked at; otherwise the counts are those of a part."""


async def begin_backfills(
    conn: Connection, key: str, journey: Journey, live: Journey | None
) -> list[UUID]:
    """Create the jobs of a version's backfills, in the transaction that activates it.

    `live` is the version that took entries before; None if none did.
    """
    backfills = new_backfills(journey, live)
    if not backfills:
        return []
    now = await fetch_value(conn, _CLOCK)
    return [
        await create_job(
            conn,
            "backfill",
            key,
            subject=backfill.name,
            plan={"contacts": {**backfill.plan, "before": now.isoformat(), "journey": key}},
            total=0,
            result={"entered": 0, "refused": {}},
        )
        for backfill in backfills
    ]


async def preview_backfills(
    conn: Connection,
    definition: Definition,
    live: Journey | None,
    *,
    segments: Segments | None = None,
    seconds: float,
) -> list[BackfillPreview]:
    """What the backfills of a version would do if it went live now, within some seconds.

    `segments` are those that would be saved with it; by default those that are saved.
    """
    until = monotonic() + seconds
    return [
        await _preview(conn, definition, backfill, segments, until)
        for backfill in new_backfills(definition.journey, live)
    ]


async def _preview(
    conn: Connection,
    definition: Definition,
    backfill: Backfill,
    segments: Segments | None,
    until: float,
) -> BackfillPreview:
    journey = definition.journey
    selection = await read_selection(
        conn, backfill.plan, timezone=journey.timezone, segments=segments
    )
    entering = Entering(
        Catalog(),
        definition,
        key_of_start(journey, backfill.properties),
        backfill.properties,
        definition.compiled.entry(backfill.entry)[1],
        selection.predicate,
        planned=True,
    )
    counts = BulkCounts()
    after: UUID | None = None
    while monotonic() < until:
        page = await selection.page(conn, after, _PAGE)
        if page.after is None:
            return BackfillPreview(backfill.name, counts, complete=True)
        _, found = await preview_entries(conn, entering, page.contacts)
        counts.add(found)
        after = page.after
    return BackfillPreview(backfill.name, counts, complete=False)

"""What holdouts say of entries, and what they compare of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from journeys.model.journey import Journey
from journeys.time.zones import zone_of
from store.definitions.catalog import Catalog
from store.entries.new_runs import NewRun
from store.holdouts.live_holdouts import FREE, Assignment, assign
from store.holdouts.observations import NewObservation
from store.sql import Connection


async def assignments_of(
    conn: Connection,
    catalog: Catalog,
    revision: int,
    entries: Sequence[tuple[Journey, UUID]],
    now: datetime,
) -> list[Assignment]:
    """What the holdouts, no older than `revision` of the catalog, say of contacts and journeys.

    Without holdouts nothing is asked.
    """
    holdouts = await catalog.holdouts(conn, revision)
    if not holdouts:
        return [FREE] * len(entries)
    return await assign(conn, holdouts, entries, now)


def observations_of(run: NewRun, assignment: Assignment, now: datetime) -> list[NewObservation]:
    """What holdouts compare of a run that begins now, or that a holdout keeps from beginning."""
    definition = run.definition
    return [
        NewObservation(
            holdout=holdout,
            held=assignment.held,
            journey=definition.key,
            version=definition.version,
            goal=definition.observed_goal,
            contact_id=run.contact_id,
            observed_at=now,
            zone=zone_of(run.timezone, definition.journey.timezone),
            entry_event_id=run.entry_event_id,
            entry=run.entry,
            ref=run.ref,
        )
        for holdout in assignment.compared
    ]

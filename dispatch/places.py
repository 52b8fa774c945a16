"""Places in the worker: contacts that an event brings near one, in the round of the dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog
from psycopg import AsyncConnection

from dispatch.faults import FoundFault, raise_outage
from journeys.model.json_values import is_number
from journeys.model.near_places import Position
from journeys.model.well_known_events import LOCATION_UPDATED
from store.events.outbox import OutboxEvent
from store.places.areas import Area
from store.places.reached import LocatedEvent, record_reached

log = structlog.get_logger(__name__)

_CONTACTS: Final = 50
"""Events of one transaction."""


async def reach_places(
    conn: AsyncConnection[Any],
    areas: Sequence[Area],
    events: Sequence[OutboxEvent],
    faults: list[FoundFault],
) -> None:
    """Record the places of live entries that contacts reach by these events.

    Without such entries there is no statement. An event that fails has a fault, and keeps neither
    itself nor another from being dispatched.
    """
    if not areas:
        return
    located = [each for each in map(_located, events) if each is not None]
    for start in range(0, len(located), _CONTACTS):
        some = located[start : start + _CONTACTS]
        try:
            async with conn.transaction():
                await record_reached(conn, areas, some)
        except Exception as error:
            raise_outage(error)
            log.warning("positions_judged_alone", error=type(error).__name__)
            for each in some:
                try:
                    async with conn.transaction():
                        await record_reached(conn, areas, [each])
                except Exception as single:
                    raise_outage(single)
                    faults.append(
                        FoundFault("places", single, contact_id=each.contact_id, event_id=each.id)
                    )


def _located(event: OutboxEvent) -> LocatedEvent | None:
    if event.name != LOCATION_UPDATED or event.run_id is not None:
        return None
    lat, lon = event.properties.get("lat"), event.properties.get("lon")
    if not is_number(lat) or not is_number(lon):
        return None
    position = Position(float(lat), float(lon), event.occurred_at)
    return LocatedEvent(event.id, event.contact_id, position, event.depth)

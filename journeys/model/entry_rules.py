"""Rules of entries: the key of a run, and why a journey lets a contact in or refuses it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from journeys.model.journey import Journey
from journeys.model.journey_state import JourneyState
from journeys.model.paths import first
from journeys.model.reasons import RefusalReason
from journeys.model.triggers import EventEntry
from journeys.time.durations import Duration
from journeys.time.zones import zone_of

CHAIN_LIMIT: Final = 10
"""How many steps `enter` and `emit` may follow one from another after an event from outside."""


def key_of_start(journey: Journey, properties: dict[str, Any]) -> str | None:
    """The key of a run that no event begins: that of the first entry whose key is a property.

    "" if none is and an entry has no key; None if every entry has a key, so that the properties
    lack it.
    """
    keys = [entry.key if isinstance(entry, EventEntry) else None for entry in journey.entry]
    for key in keys:
        value = first(properties, key) if key is not None else None
        if value is not None and not isinstance(value, dict | list):
            return str(value)
    return "" if None in keys else None


def refuse_entry(
    journey: Journey, *, state: JourneyState, depth: int, key: str | None, now: datetime
) -> RefusalReason | None:
    """Why a journey refuses an entry, apart from the runs of the contact; None if it does not.

    `depth` counts the steps `enter` and `emit` that led to the entry.
    """
    if state != "active":
        return state
    if depth > CHAIN_LIMIT:
        return "chain"
    period = journey.active
    if period is not None and not period.holds(now, zone_of(None, journey.timezone)):
        return "inactive"
    return "no_key" if key is None else None


def refuse_re_entry(
    journey: Journey, *, last_started: datetime | None, now: datetime, timezone: str | None
) -> RefusalReason | None:
    """Why a contact may not enter a journey again; None if it may.

    `last_started` is the start of its last run with the same key, None if there was none;
    `timezone` is the contact's.
    """
    if last_started is None or journey.re_entry == "always":
        return None
    if isinstance(journey.re_entry, Duration):
        zone = zone_of(timezone, journey.timezone)
        return "re_entry" if journey.re_entry.add_to(last_started, zone) > now else None
    return "re_entry"

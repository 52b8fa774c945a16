"""Rules of entries: the key of a run, and why a journey lets a contact in or refuses it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from journeys.model.entry_events import EventfulEntry
from journeys.model.entry_kinds import recurs
from journeys.model.journey import Journey
from journeys.model.journey_state import JourneyState
from journeys.model.paths import first
from journeys.model.reasons import RefusalReason
from journeys.model.triggers import MAX_AGE, EventEntry, SegmentEntry
from journeys.time.durations import Duration
from journeys.time.zones import zone_of

CHAIN_LIMIT: Final = 10
"""How many steps `enter` and `emit` may follow one from another after an event from outside."""
KEPT_FOR: Final = "7d"
"""How long after its event an entry comes in that was kept while its journey was paused."""
KEY_LIMIT: Final = 255
"""Characters of a run's key. A longer value is a key under its SHA-256."""


def key_of_event(entry: EventfulEntry, properties: dict[str, Any]) -> str | None:
    """The key of a run that an event begins.

    "" for an entry without a key; None if the event lacks the value, or has it empty.
    """
    path = entry.key if isinstance(entry, EventEntry) else None
    return "" if path is None else _key(first(properties, path))


def key_of_start(journey: Journey, properties: dict[str, Any]) -> str | None:
    """The key of a run that no event begins: that of the first entry whose key is a property.

    "" if none is and an entry has no key; None if every entry has a key, so that the properties
    lack it, or have it empty.
    """
    keys = [entry.key if isinstance(entry, EventEntry) else None for entry in journey.entry]
    for path in keys:
        key = _key(first(properties, path)) if path is not None else None
        if key is not None:
            return key
    return "" if None in keys else None


def _key(value: Any) -> str | None:
    """A value as the key that is stored; None if it can't be one."""
    if value is None or isinstance(value, dict | list):
        return None
    text = value if isinstance(value, str) else str(value)
    if not text.strip():
        return None
    if len(text) <= KEY_LIMIT:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_late(
    entry: EventfulEntry, *, occurred_at: datetime, arrived_at: datetime, zone: ZoneInfo
) -> bool:
    """Whether an event happened longer before its arrival than the entry's `max_age`.

    A change of a segment arrives when it happens: that it is found after an outage delays its runs
    as it delays those of other events. A `max_age` that the document states bounds that delay.
    """
    if isinstance(entry, SegmentEntry) and "max_age" not in entry.model_fields_set:
        return False
    try:
        return Duration.parse(entry.max_age).add_to(occurred_at, zone) < arrived_at
    except OverflowError:
        # At the edges of the calendar: the first days of year 1, or a `max_age` beyond 9999.
        return arrived_at - occurred_at > Duration.parse(entry.max_age).nominal()


def goal_max_age(journey: Journey) -> Duration:
    """How long before its arrival an event may have happened and still count by its arrival.

    An older one meets a goal only if it happened after the run began: the shortest `max_age` of the
    journey's entries, at most their default.
    """
    ages = [entry.max_age for entry in journey.entry if isinstance(entry, EventfulEntry)]
    return min((Duration.parse(age) for age in (MAX_AGE, *ages)), key=Duration.nominal)


def counts_across_keys(journey: Journey) -> bool:
    """Whether `re_entry` lets one occurrence in depending on runs of other occurrences.

    Each occurrence has its own key, so a `re_entry` that a document states would say nothing
    otherwise. Beside entries of other kinds, `never` is their default.
    """
    if journey.re_entry == "never":
        return all(map(recurs, journey.entry))
    return journey.re_entry != "always"


def is_too_late(up_to: str, *, at: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a moment came longer ago than the `up_to` of its entry."""
    try:
        return Duration.parse(up_to).add_to(at, zone) < now
    except OverflowError:
        return False


def refuse_entry(
    journey: Journey,
    *,
    state: JourneyState,
    depth: int,
    key: str | None,
    now: datetime,
    late: bool = False,
    restricted: bool = False,
) -> RefusalReason | None:
    """Why a journey refuses an entry, apart from the runs of the contact; None if it does not.

    `depth` counts the steps `enter` and `emit` that led to the entry; `late` says that its event
    happened too long before it arrived; `restricted` is the contact's.
    """
    if state != "active":
        return state
    if restricted:
        return "restricted"
    if depth > CHAIN_LIMIT:
        return "chain"
    period = journey.active
    if period is not None and not period.holds(now, zone_of(None, journey.timezone)):
        return "inactive"
    if late:
        return "late_event"
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

"""Occurrences of schedules: the one definition of when a `cron` or an `at` comes.

A local time that clocks skip comes at the first instant after the gap, one that they show twice at
the first of the two. Several local times in one gap are one occurrence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from journeys.model.triggers import Schedule
from journeys.schedule.cron import local_times
from journeys.schedule.moment_resolution import local_time
from journeys.time.durations import at_local
from journeys.time.instants import read_time
from journeys.time.zones import zone_of

CONTACT_ZONE: Final = "contact"
"""The `timezone` of a schedule that comes at each contact's own local time."""
EASTERNMOST: Final = timedelta(hours=14)
"""How far ahead of UTC clocks are where a local time comes first."""
_ALL_ZONES: Final = timedelta(hours=30)
"""Longer than a local time takes around the world, also where clocks skip it."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a schedule."""

    at: datetime
    """When it comes, in UTC; in the contacts' zones, when it comes first anywhere: in UTC+14."""
    local: datetime | None = None
    """Its local time, naive, if it comes in the contacts' zones."""
    since: datetime | None = None
    """Contacts to whom it came up to this instant do not enter: it went live then."""

    @property
    def key(self) -> str:
        """The key of its runs."""
        if self.local is not None:
            return self.local.isoformat(timespec="seconds")
        return self.at.isoformat(timespec="seconds").replace("+00:00", "Z")

    def turn(self, zone: ZoneInfo) -> datetime:
        """When it comes to a contact of this zone, in UTC."""
        return self.at if self.local is None else at_local(self.local, zone)


def occurrences(
    schedule: Schedule, journey_zone: str | None, after: datetime
) -> Iterator[Occurrence]:
    """The occurrences of a schedule later than an instant, in order.

    `journey_zone` is that of a schedule without one. The iterator of a `cron` ends with the
    calendar, so take as many as are needed.
    """
    if after.tzinfo is None:
        raise ValueError("occurrences are counted from an instant with a time zone")
    in_contact_zone = schedule.timezone == CONTACT_ZONE
    zone = zone_of(None if in_contact_zone else schedule.timezone, journey_zone)
    last = after
    for wall in _local_times(schedule, _before(after, zone, in_contact_zone)):
        try:
            found = _occurrence(wall, zone, in_contact_zone)
        except OverflowError:
            # By UTC it lies beyond the calendar: on its first day, or on its last.
            continue
        if found.at > last:
            yield found
            last = found.at


def _occurrence(wall: datetime, zone: ZoneInfo, in_contact_zone: bool) -> Occurrence:
    if wall.tzinfo is not None:
        return Occurrence(wall)
    if in_contact_zone:
        return Occurrence((wall - EASTERNMOST).replace(tzinfo=UTC), wall)
    return Occurrence(at_local(wall, zone))


def occurrence_at(
    schedule: Schedule, journey_zone: str | None, instant: datetime
) -> Occurrence | None:
    """The occurrence that comes at exactly this instant; None if none does."""
    just_before = instant - timedelta(microseconds=1)
    found = next(occurrences(schedule, journey_zone, just_before), None)
    return found if found is not None and found.at == instant else None


def _before(after: datetime, zone: ZoneInfo, in_contact_zone: bool) -> datetime:
    """A local time after which all local times of later occurrences come."""
    if in_contact_zone:
        return after.astimezone(UTC).replace(tzinfo=None) + EASTERNMOST
    return local_time(after, zone)


def _local_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    if schedule.cron is not None:
        yield from local_times(schedule.cron, after)
        return
    at = read_time(schedule.at)
    if at is not None:
        yield at


@dataclass(frozen=True, slots=True)
class Turn:
    """Contacts to whom an occurrence comes at the same instant."""

    at: datetime
    zones: tuple[str, ...]
    """The zones of these contacts."""
    without_zone: bool
    """Whether those without a zone, or with one that is not known, are among them."""


@lru_cache(maxsize=64)
def turns(occurrence: Occurrence, journey_zone: str | None) -> tuple[Turn, ...]:
    """The turns of an occurrence at the contacts' local time, in order."""
    zones: dict[datetime, list[str]] = {}
    for name in known_zones():
        zones.setdefault(occurrence.turn(zone_of(name, None)), []).append(name)
    others = occurrence.turn(zone_of(None, journey_zone))
    zones.setdefault(others, [])
    return tuple(Turn(at, tuple(zones[at]), at == others) for at in sorted(zones))


def begun_occurrence(
    schedule: Schedule, journey_zone: str | None, instant: datetime
) -> Occurrence | None:
    """The occurrence of an `at` that has come to some contacts at an instant, and not to all."""
    if schedule.at is None or schedule.timezone != CONTACT_ZONE:
        return None
    found = next(occurrences(schedule, journey_zone, instant - _ALL_ZONES), None)
    if found is None or found.at > instant or turns(found, journey_zone)[-1].at <= instant:
        return None
    return found


@cache
def known_zones() -> tuple[str, ...]:
    """The names of all zones, in order."""
    return tuple(sorted(available_timezones() - {"localtime", "posixrules", "Factory"}))

"""Time zones: the one of a contact's local times, and when its clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(contact: str | None, journey: str | None) -> ZoneInfo:
    """The contact's zone, otherwise the journey's, otherwise UTC; unknown names are ignored."""
    for name in (contact, journey):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


def clock_change(before: int, after: int, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` are changed, between two instants.

    `before` and `after` are in seconds since 1970, and the offsets of the zone there differ.
    """
    offset = datetime.fromtimestamp(before, UTC).astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, UTC)

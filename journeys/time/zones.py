"""The time zone of a contact's local times."""

from __future__ import annotations

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

"""The time zone that is local for a contact."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(contact: str | None, journey: str | None) -> ZoneInfo:
    """The contact's zone, else the journey's, else UTC. A name that is no zone is passed over."""
    for name in (contact, journey):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")

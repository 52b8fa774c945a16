"""Places and distances: which place a position is near, and when it has gone away again."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_EARTH: Final = 6_371.0088
"""Kilometres; the radius that conditions use as well."""
_DEGREE: Final = math.radians(1) * _EARTH
AWAY: Final = 1.25
"""A contact has gone away from a place beyond this multiple of the distance…"""
AWAY_AT_LEAST: Final = 0.1
"""…and beyond so many kilometres more than it, so that a position that jitters stays."""
SILENCE: Final = timedelta(days=1)
"""After so long without a position a contact has gone away as well."""


@dataclass(frozen=True, slots=True)
class Place:
    """A named point, in degrees."""

    name: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Position:
    """Where a contact was, and when."""

    lat: float
    lon: float
    at: datetime


@dataclass(frozen=True)
class Near:
    """What is known of a contact near places: its latest position, and its place there."""

    event_id: int
    seen_at: datetime
    lat: float | None
    lon: float | None


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The distance of two points along the surface of the earth."""
    one, other = math.radians(lat), math.radians(other_lat)
    half_lat = math.sin((other - one) / 2) ** 2
    half_lon = math.sin(math.radians(other_lon - lon) / 2) ** 2
    share = half_lat + math.cos(one) * math.cos(other) * half_lon
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, share)))


class PlaceIndex:
    """Places by latitude, so that few of many are measured."""

    def __init__(self, places: Sequence[Place], km: float) -> None:
        self._places = sorted(places, key=lambda place: place.lat)
        self._latitudes = [place.lat for place in self._places]
        self._km = km
        # A little more, so that no rounding keeps a place out that is measured to be inside.
        self._degrees = km / _DEGREE * 1.001 + 1e-9

    def nearest(self, lat: float, lon: float) -> Place | None:
        """The nearest place within the distance; None if there is none."""
        best: tuple[float, str, Place] | None = None
        start = bisect_left(self._latitudes, lat - self._degrees)
        for place in self._places[start:]:
            if place.lat > lat + self._degrees:
                break
            distance = kilometres(lat, lon, place.lat, place.lon)
            if distance <= self._km and (best is None or (distance, place.name) < best[:2]):
                best = (distance, place.name, place)
        return None if best is None else best[2]


def has_gone(near: Near | None, position: Position, km: float) -> bool:
    """Whether a contact that was near a place is away from it at a later position.

    A place is left beyond more than the distance at which it is reached. What counts is the place
    as it was reached, so that a changed list of places makes no new approach.
    """
    if near is None or near.lat is None or near.lon is None:
        return True
    if position.at - near.seen_at > SILENCE:
        return True
    away = max(km * AWAY, km + AWAY_AT_LEAST)
    return kilometres(position.lat, position.lon, near.lat, near.lon) > away

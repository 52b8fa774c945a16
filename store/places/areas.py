"""Areas: the places of live entries with their distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from journeys.model.conditions import Near
from journeys.model.documents import Places
from journeys.model.entry_events import place_list_of
from journeys.model.near_places import Place, PlaceIndex
from store.sql import Connection, fetch_column, sql

_READ = sql("select document from document where kind = 'places' and key = any(%(keys)s)")


@dataclass(frozen=True)
class Area:
    """A list of places, and the distance within which a contact is near one of them."""

    places: str
    """The key of the list; of a point its coordinates."""
    km: float
    index: PlaceIndex


async def read_areas(conn: Connection, wanted: Iterable[Near]) -> tuple[Area, ...]:
    """The areas that live entries name, each once. Without any there is no statement.

    One whose list is gone, or can't be read, is near to nothing.
    """
    by_place = {(place_list_of(near), near.km): near for near in wanted}
    if not by_place:
        return ()
    keys = sorted({near.places for near in by_place.values() if near.places is not None})
    lists: dict[str, list[Place]] = {}
    for document in await fetch_column(conn, _READ, {"keys": keys}):
        try:
            places = Places.model_validate(document)
        except ValidationError:
            continue
        lists[places.key] = [Place(each.name, each.lat, each.lon) for each in places.list]
    areas = []
    for (name, km), near in sorted(by_place.items()):
        if near.lat is not None and near.lon is not None:
            listed = [Place(name, near.lat, near.lon)]
        else:
            listed = lists.get(name, [])
        areas.append(Area(name, km, PlaceIndex(listed, km)))
    return tuple(areas)

"""Contacts that come near a place: recorded once for each approach, under their locks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from journeys.model.near_places import Near, Place, Position, has_gone
from journeys.model.well_known_events import LOCATION_UPDATED, PLACE_REACHED
from store.contacts.rows import lock_contacts
from store.events.recording import NewEvent, record_changes
from store.places.areas import Area
from store.sql import Connection, execute, fetch_all, fetch_column, sql, text_literal

_READ = sql("""
select contact_id, places, km, event_id, seen_at, lat, lon from near_contact
where contact_id = any(%(contacts)s)
""")
_STILL_THERE = sql("select id from contact where id = any(%(contacts)s)")
_WRITE = sql("""
insert into near_contact (contact_id, places, km, event_id, seen_at, lat, lon)
select * from unnest(%(contacts)s::uuid[], %(places)s::text[], %(kms)s::float8[],
                     %(events)s::bigint[], %(times)s::timestamptz[], %(lats)s::float8[],
                     %(lons)s::float8[])
on conflict (contact_id, places, km) do update
set event_id = excluded.event_id, seen_at = excluded.seen_at, lat = excluded.lat, lon = excluded.lon
""")
# Positions may come in another order than the contact was there.
_OVERTAKEN = sql(
    """
select g.event_id from unnest(%(contacts)s::uuid[], %(events)s::bigint[],
                              %(times)s::timestamptz[]) g(contact_id, event_id, at)
where exists (
    select from event e where e.contact_id = g.contact_id and e.name = {located}
    and e.occurred_at > g.at and e.id < g.event_id
)
""",
    located=text_literal(LOCATION_UPDATED),
)
_Key = tuple[UUID, str, float]


@dataclass(frozen=True, slots=True)
class LocatedEvent:
    """An event that says where a contact was."""

    id: int
    contact_id: UUID
    position: Position
    depth: int


@dataclass(frozen=True, slots=True)
class _Reached:
    event: LocatedEvent
    area: Area
    place: Place


@dataclass
class _Judged:
    known: dict[_Key, Near]
    changed: dict[_Key, Near] = field(default_factory=dict)
    reached: list[_Reached] = field(default_factory=list)

    def of(self, key: _Key) -> Near | None:
        return self.changed.get(key) or self.known.get(key)


async def record_reached(
    conn: Connection, areas: Sequence[Area], events: Sequence[LocatedEvent]
) -> int:
    """Record the places that contacts reach by events, in the caller's transaction; how many.

    The events come in the order of their ids. One that was judged before changes nothing, and
    neither does a position that is older than one that is known.
    """
    contacts = sorted({event.contact_id for event in events})
    await lock_contacts(conn, contacts)
    there = set(await fetch_column(conn, _STILL_THERE, {"contacts": contacts}))
    located = [event for event in events if event.contact_id in there]
    rows = await fetch_all(conn, _READ, {"contacts": contacts})
    judged = _Judged({(contact, places, km): Near(*rest) for contact, places, km, *rest in rows})
    overtaken: set[int] = set()
    near = [
        event
        for event in located
        if any(area.index.nearest(event.position.lat, event.position.lon) for area in areas)
    ]
    if near:
        overtaken = set(
            await fetch_column(
                conn,
                _OVERTAKEN,
                {
                    "contacts": [event.contact_id for event in near],
                    "events": [event.id for event in near],
                    "times": [event.position.at for event in near],
                },
            )
        )
    for event in located:
        for area in areas:
            _judge(judged, event, area, overtaken=event.id in overtaken)
    await _write(conn, judged)
    return len(judged.reached)


def _judge(judged: _Judged, event: LocatedEvent, area: Area, *, overtaken: bool) -> None:
    key = (event.contact_id, area.places, area.km)
    state = judged.of(key)
    position = event.position
    if state is not None and event.id <= state.event_id:
        return
    if overtaken or (state is not None and position.at < state.seen_at):
        return
    if not has_gone(state, position, area.km):
        assert state is not None
        judged.changed[key] = Near(event.id, position.at, state.lat, state.lon)
        return
    place = area.index.nearest(position.lat, position.lon)
    if place is not None:
        judged.changed[key] = Near(event.id, position.at, place.lat, place.lon)
        judged.reached.append(_Reached(event, area, place))
    elif state is not None:
        # The row stays, so that an event that is dispatched again is known.
        judged.changed[key] = Near(event.id, position.at, None, None)


async def _write(conn: Connection, judged: _Judged) -> None:
    if not judged.changed:
        return
    items = list(judged.changed.items())
    await execute(
        conn,
        _WRITE,
        {
            "contacts": [contact for (contact, _, _), _ in items],
            "places": [places for (_, places, _), _ in items],
            "kms": [km for (_, _, km), _ in items],
            "events": [near.event_id for _, near in items],
            "times": [near.seen_at for _, near in items],
            "lats": [near.lat for _, near in items],
            "lons": [near.lon for _, near in items],
        },
    )
    await record_changes(
        conn,
        [
            (
                each.event.contact_id,
                NewEvent(
                    PLACE_REACHED,
                    {
                        "places": each.area.places,
                        "place": each.place.name,
                        "km": int(each.area.km) if each.area.km.is_integer() else each.area.km,
                    },
                    depth=each.event.depth,
                    cause_id=each.event.id,
                    happened_at=each.event.position.at,
                ),
            )
            for each in judged.reached
        ],
    )

"""Contacts at their turn of an occurrence, in the order of their ids, and their entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from journeys.model.entry_rules import is_too_late
from journeys.schedule.occurrences import Occurrence, Turn, known_zones
from journeys.time.zones import zone_of
from store.dates.candidates import let_in
from store.definitions.catalog import Catalog, Definition
from store.definitions.timed_entries import ScheduledEntry
from store.entries.admission import AdmittedEntry, EntryRequest, enter_all
from store.sql import Connection, fetch_all, fetch_value, sql


@dataclass(frozen=True, slots=True)
class AtTurn:
    """A contact to whom an occurrence has come."""

    contact_id: UUID
    at: datetime
    """When its turn was: when the clocks of its zone showed the time."""
    timezone: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A contact whose zone has changed, as it is now."""

    changed_at: datetime
    contact: AtTurn
    answered: bool
    """Whether it has entered by the occurrence, or was refused."""


_ALL = sql("""
select c.id, c.timezone from contact c where %(after)s::uuid is null or c.id > %(after)s::uuid
order by c.id limit %(limit)s
""")
_OF_ZONES = sql("""
select c.id, c.timezone from contact c
where (%(after)s::uuid is null or c.id > %(after)s::uuid)
  and (c.timezone = any(%(zones)s::text[])
       or %(others)s and (c.timezone is null or c.timezone <> all(%(known)s::text[])))
order by c.id limit %(limit)s
""")
_MOVED = sql("""
select z.changed_at, c.id, c.timezone,
       exists (select from run r
               where r.journey = %(journey)s and r.contact_id = c.id and r.key = %(key)s)
       or exists (select from refusal f
                  where f.journey = %(journey)s and f.contact_id = c.id and f.key = %(key)s)
from zone_change z join contact c on c.id = z.contact_id
where (z.changed_at, z.contact_id) > (%(since)s, %(after)s)
order by z.changed_at, z.contact_id limit %(limit)s
""")
_CLOCK = sql("select parcours.clock()")


async def contacts_at_turn(
    conn: Connection, turn: Turn | None, at: datetime, after: UUID | None, limit: int
) -> list[AtTurn]:
    """The next contacts whose turn it is, by id beyond `after`; all contacts without a turn."""
    if turn is None:
        rows = await fetch_all(conn, _ALL, {"after": after, "limit": limit})
    else:
        wanted = {
            "after": after,
            "limit": limit,
            "zones": list(turn.zones),
            "others": turn.without_zone,
            "known": list(known_zones()),
        }
        rows = await fetch_all(conn, _OF_ZONES, wanted)
    return [AtTurn(contact_id, at, timezone) for contact_id, timezone in rows]


async def moves(
    conn: Connection,
    journey: str,
    occurrence: Occurrence,
    journey_zone: str | None,
    beyond: tuple[datetime, UUID],
    limit: int,
) -> list[Move]:
    """The next changes of zones, in order: those later than one of an instant and a contact."""
    since, after = beyond
    rows = await fetch_all(
        conn,
        _MOVED,
        {
            "journey": journey,
            "key": occurrence.key,
            "since": since,
            "after": after,
            "limit": limit,
        },
    )
    return [
        Move(
            changed_at,
            AtTurn(contact_id, occurrence.turn(zone_of(timezone, journey_zone)), timezone),
            answered,
        )
        for changed_at, contact_id, timezone, answered in rows
    ]


async def enter_at_turn(
    conn: Connection,
    catalog: Catalog,
    definition: Definition,
    scheduled: ScheduledEntry,
    occurrence: Occurrence,
    contacts: Sequence[AtTurn],
) -> tuple[int, Counter[str]]:
    """Enter contacts at their turn in the caller's transaction: how many, and why others not.

    The segment and the `if` are judged now. One that has entered by this occurrence before is
    counted by neither, nor is one to whom it came before it went live; dispatchers start the
    workflows.
    """
    since = occurrence.since
    contacts = [each for each in contacts if since is None or each.at > since]
    now: datetime = await fetch_value(conn, _CLOCK)
    properties = {each.contact_id: {"occurrence": occurrence.key} for each in contacts}
    welcome = await let_in(conn, definition, scheduled.condition, properties)
    up_to, journey_zone = scheduled.entry.up_to, definition.journey.timezone
    requests = [
        (
            definition,
            EntryRequest(
                contact_id=each.contact_id,
                key=occurrence.key,
                properties=properties[each.contact_id],
                event_id=None,
                start_workflow=True,
                once=True,
                occurrence=occurrence.at,
                refusal=(
                    "late"
                    if is_too_late(
                        up_to, at=each.at, now=now, zone=zone_of(each.timezone, journey_zone)
                    )
                    else None
                ),
            ),
        )
        for each in contacts
        if each.contact_id in welcome
    ]
    answers = await enter_all(conn, catalog, requests) if requests else []
    entered = sum(isinstance(answer, AdmittedEntry) for answer in answers)
    refused: Counter[str] = Counter(
        answer.code
        for answer in answers
        if not isinstance(answer, AdmittedEntry) and answer.recorded
    )
    return entered, refused

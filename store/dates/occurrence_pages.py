"""Contacts at their turn of an occurrence, in the order of their ids, and their entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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

AtTurn = tuple[UUID, datetime]
"""A contact, and when the occurrence comes to it."""

_ALL = sql("""
select c.id from contact c where %(after)s::uuid is null or c.id > %(after)s::uuid
order by c.id limit %(limit)s
""")
_OF_ZONES = sql("""
select c.id from contact c
where (%(after)s::uuid is null or c.id > %(after)s::uuid)
  and (c.timezone = any(%(zones)s::text[])
       or %(others)s and (c.timezone is null or c.timezone <> all(%(known)s::text[])))
order by c.id limit %(limit)s
""")
_MOVED = sql("""
select c.id, c.timezone from zone_change z join contact c on c.id = z.contact_id
where z.changed_at >= %(since)s and (%(after)s::uuid is null or c.id > %(after)s::uuid)
order by c.id limit %(limit)s
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
    return [(contact_id, at) for (contact_id,) in rows]


async def moved_contacts(
    conn: Connection,
    occurrence: Occurrence,
    journey_zone: str | None,
    after: UUID | None,
    limit: int,
) -> list[AtTurn]:
    """The next contacts whose zone has changed since the occurrence began, by id."""
    wanted = {"since": occurrence.at, "after": after, "limit": limit}
    return [
        (contact_id, occurrence.turn(zone_of(timezone, journey_zone)))
        for contact_id, timezone in await fetch_all(conn, _MOVED, wanted)
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
    contacts = [each for each in contacts if since is None or each[1] > since]
    now: datetime = await fetch_value(conn, _CLOCK)
    properties = {contact_id: {"occurrence": occurrence.key} for contact_id, _ in contacts}
    welcome = await let_in(conn, definition, scheduled.condition, properties)
    zone = zone_of(None, definition.journey.timezone)
    requests = [
        (
            definition,
            EntryRequest(
                contact_id=contact_id,
                key=occurrence.key,
                properties=properties[contact_id],
                event_id=None,
                start_workflow=True,
                once=True,
                occurrence=occurrence.at,
                refusal=(
                    "late"
                    if is_too_late(scheduled.entry.up_to, at=at, now=now, zone=zone)
                    else None
                ),
            ),
        )
        for contact_id, at in contacts
        if contact_id in welcome
    ]
    answers = await enter_all(conn, catalog, requests) if requests else []
    entered = sum(isinstance(answer, AdmittedEntry) for answer in answers)
    refused: Counter[str] = Counter(
        answer.code
        for answer in answers
        if not isinstance(answer, AdmittedEntry) and answer.recorded
    )
    return entered, refused

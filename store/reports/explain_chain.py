"""What led to a message, in order, and the contact's other messages like it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.reports.explain_runs import visit_words
from store.reports.run_listing import ListedVisit
from store.runs.rows import RunRow
from store.sql import fetch_all, fetch_one, sql

OTHERS: Final = 20
"""Other messages that are shown, the newest first."""

_EVENT: Final = sql("""
select name, occurred_at, stamped_at, cause_id, source from event where id = %(event)s
""")
_MESSAGES: Final = sql("""
select id, visit, channel, state, attempts, first_attempt_at, settled_at, delivered_at, code
from message where run_id = %(run)s and visit <= %(visit)s order by visit
""")
_OTHERS: Final = sql("""
select m.id, r.journey, m.step, m.run_id, m.visit, m.channel, m.state, m.claimed_at, r.key,
       r.entry_event_id, m.content is not distinct from %(content)s as same_content
from message m join run r on r.id = m.run_id
where m.contact_id = %(contact)s and m.id <> %(message)s
  and (m.step = %(step)s and r.journey = %(journey)s
       or m.content is not null and m.content = %(content)s)
order by m.claimed_at desc limit %(limit)s
""")
_OF_MESSAGE: Final = sql("""
select m.run_id, m.visit, m.step, m.content, r.journey, m.contact_id,
       coalesce(c.external_id, c.id::text)
from message m join run r on r.id = m.run_id join contact c on c.id = m.contact_id
where m.id = %(message)s
""")


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that led to a message or to where a run stands."""

    at: datetime
    local: str
    """The contact's local time, with its zone."""
    what: str
    """`event`, `entry`, `visit`, `attempt` or `status`."""
    words: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class OtherMessage:
    """Another message of the contact from the same step, or with the same content."""

    message: UUID
    journey: str
    step: str
    run: UUID
    visit: int
    channel: str
    state: str
    at: datetime
    words: str
    """Why there are two."""


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message belongs."""

    run_id: UUID
    visit: int
    step: str
    content: str | None
    journey: str
    contact_id: UUID
    contact: str


async def find_message(conn: AsyncConnection[Any], message: UUID) -> MessagePlace | None:
    """Where a message belongs; None if there is none."""
    row = await fetch_one(conn, _OF_MESSAGE, {"message": message})
    return None if row is None else MessagePlace(*row)


async def read_chain(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    visits: list[ListedVisit],
    last: int | None = None,
) -> list[Link]:
    """What led to the visit `last` of a run, or to where it stands: event, entry, visits, attempts.

    They are in the order of their times.
    """
    zone = zone_of(run.timezone, definition.journey.timezone)
    links = await _beginning(conn, run, zone)
    limit = last if last is not None else run.visit
    for visit in visits:
        if visit.visit <= limit:
            words = visit_words(visit, zone.key)
            links.append(_link(visit.started_at, zone, "visit", words, visit.step))
    steps = {visit.visit: visit.step for visit in visits}
    for row in await fetch_all(conn, _MESSAGES, {"run": run.id, "visit": limit}):
        message, number, channel, state, attempts, first, settled, delivered, code = row
        step = steps.get(number)
        words = f"{channel} message {message} was tried the first time"
        links.append(_link(first, zone, "attempt", words, step))
        if settled is not None:
            times = "once" if attempts == 1 else f"{attempts} times"
            why = f" (`{code}`)" if code else ""
            words = f"message {message} is {state}{why} after it was tried {times}"
            links.append(_link(settled, zone, "attempt", words, step))
        if delivered is not None:
            words = f"message {message} was delivered"
            links.append(_link(delivered, zone, "status", words, step))
    return sorted(links, key=lambda link: link.at)


async def _beginning(conn: AsyncConnection[Any], run: RunRow, zone: ZoneInfo) -> list[Link]:
    links: list[Link] = []
    by = "without an event: by a start, a date, a schedule or a job"
    if run.entry_event_id is not None:
        by = f"by event {run.entry_event_id}"
        row = await fetch_one(conn, _EVENT, {"event": run.entry_event_id})
        if row is not None:
            name, occurred_at, stamped_at, cause, source = row
            words = f"event {name} ({run.entry_event_id}) happened"
            if cause is not None:
                words += f", which followed from event {cause}"
            links.append(_link(occurred_at, zone, "event", words))
            words = f"event {name} was recorded, from {source}"
            links.append(_link(stamped_at, zone, "event", words))
    key = f" with the key {run.key}" if run.key else ""
    words = f"run {run.id} of {run.journey} version {run.version} began{key}, {by}"
    links.append(_link(run.started_at, zone, "entry", words))
    return links


async def other_messages(
    conn: AsyncConnection[Any], place: MessagePlace, message: UUID, definition: Definition
) -> list[OtherMessage]:
    """Other messages of the contact from the same step, or with the same content."""
    rows = await fetch_all(
        conn,
        _OTHERS,
        {
            "contact": place.contact_id,
            "message": message,
            "step": place.step,
            "journey": place.journey,
            "content": place.content,
            "limit": OTHERS,
        },
    )
    found = []
    for row in rows:
        other, journey, step, run, visit, channel, state, at, key, event, _ = row
        found.append(
            OtherMessage(other, journey, step, run, visit, channel, state, at,
                         _why_two(place, definition, journey, step, run, visit, key, event))
        )  # fmt: skip
    return found


def _why_two(
    place: MessagePlace,
    definition: Definition,
    journey: str,
    step: str,
    run: UUID,
    visit: int,
    key: str,
    event: int | None,
) -> str:
    if run == place.run_id:
        return f"the same run came to `{step}` again: visit {visit}, this one is {place.visit}"
    if journey != place.journey or step != place.step:
        return f"`{step}` of {journey} has the same content"
    re_entry = definition.journey.re_entry
    rule = re_entry if isinstance(re_entry, str) else f"after {re_entry}"
    by = "without an event" if event is None else f"by event {event}"
    with_key = f" with the key {key}" if key else ""
    return f"another run of {journey} began {by}{with_key}; `re_entry` is {rule}"


def _link(at: datetime, zone: ZoneInfo, what: str, words: str, step: str | None = None) -> Link:
    return Link(at, f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}", what, words, step)

"""The log: everything that was tracked and done, newest first, page by page.

Each source gives its newest rows, and the page is the newest of them all. A source looks at a
bounded number of rows for a page, so a page may be short, or empty, where a filter lets few of them
through: its `next` then goes on from where it has looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from store.reports.log_horizon import event_id_at
from store.reports.log_items import (
    RANKS,
    LogItem,
    LogRow,
    item_of,
    of_types,
    types_of,
    with_external_ids,
)
from store.reports.log_places import MOST, LogPlace, LogPosition, parameters
from store.reports.log_queries import NEWEST, NEWEST_OF_CONTACT
from store.reports.log_sources import SOURCES_BY_TIME
from store.reports.log_types import LOG_TYPES, SOURCES, TYPES, LogSource, LogType
from store.sql import Connection, fetch_all_as, fetch_column, sql

DEPTH: Final = 1_000
"""The most rows of a source that are looked at for a page, where a filter may refuse them."""
_SKEW: Final = timedelta(seconds=10)
"""The most by which an event's id may have been drawn before its time was taken."""
_KEYS: Final = sql("select id from api_key where name = %(name)s")
_REFERENCES: Final = sql("""
select external_id from contact where id = %(contact)s and external_id is not null
union select external_id from contact_alias where contact_id = %(contact)s
""")
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WantedLog:
    """Which items are asked for; None: any."""

    types: frozenset[LogType] = frozenset(LOG_TYPES)
    since: datetime | None = None
    """From this instant on."""
    until: datetime | None = None
    """Before this instant."""
    journey: str | None = None
    step: str | None = None
    """The step of sends and of other steps that ended."""
    outcome: str | None = None
    """How these ended."""
    contact: UUID | None = None
    references: Sequence[str] | None = None
    """What rejected calls may have named the contact. With these alone there is no such contact."""
    key_id: UUID | None = None
    key_name: str | None = None
    """What the audit log names the key, if it is asked for by its name."""
    keys: Sequence[UUID] | None = None
    """The keys of this name, or the one of this id."""

    @property
    def of_contact(self) -> bool:
        """Whether items of one contact alone are asked for."""
        return self.contact is not None or self.references is not None

    @property
    def of_key(self) -> bool:
        """Whether items of one key alone are asked for."""
        return self.keys is not None

    @property
    def of_visit(self) -> bool:
        """Whether items of steps that ended alone are asked for."""
        return self.step is not None or self.outcome is not None

    def sources(self) -> list[LogSource]:
        """The sources that may have such items."""
        return [source for source in SOURCES if self._may_be_in(source)]

    def _may_be_in(self, source: LogSource) -> bool:
        if not any(source in TYPES[each].sources for each in self.types):
            return False
        if self.of_contact and self.contact is None and source != "rejected":
            return False
        if source == "event":
            return not (self.of_key or self.of_visit)
        if self.of_visit and source != "visit":
            return False
        has = SOURCES_BY_TIME[source]
        if self.of_contact and has.of_contact is None:
            return False
        return (has.has_journey or self.journey is None) and (has.has_key or not self.of_key)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Items, the newest first."""

    items: list[LogItem]
    next: LogPosition | None
    """From where the next page goes on; None: there is nothing older."""


@dataclass(frozen=True, slots=True)
class _Found:
    place: LogPlace
    source: LogSource
    row: LogRow


async def keys_named(conn: Connection, name: str) -> list[UUID]:
    """The keys of the API that have a name."""
    return await fetch_column(conn, _KEYS, {"name": name})


async def references_of(conn: Connection, contact: UUID) -> list[str]:
    """What calls may name a contact: its external id, and those of contacts merged into it."""
    return await fetch_column(conn, _REFERENCES, {"contact": contact})


async def read_log(
    conn: Connection,
    wanted: WantedLog,
    below: LogPosition | None,
    limit: int,
    *,
    depth: int = DEPTH,
) -> LogPage:
    """The newest items below a position."""
    place = None if below is None else below.place
    event = MOST if below is None else below.event
    if below is None and wanted.until is not None:
        place = LogPlace.before(wanted.until)
        event = await event_id_at(conn, wanted.until + _SKEW) + 1
    above = 0
    if wanted.since is not None:
        above = await event_id_at(conn, wanted.since - _SKEW)
    found: list[_Found] = []
    floor: LogPlace | None = None
    """Below it, some source was not looked at."""
    events_end: _Found | None = None
    for source in wanted.sources():
        rows = await fetch_all_as(
            conn,
            LogRow,
            (NEWEST_OF_CONTACT if wanted.of_contact else NEWEST)[source],
            {
                **_filters(wanted),
                "limit": limit + 1,
                "depth": _depth(wanted, source, limit + 1, depth),
                "below": event,
                "above": above,
                **parameters("below", place, RANKS[source]),
            },
        )
        placed = _placed(source, rows, _FOREVER if place is None else place.at)
        found += [each for each in placed if each.row.details is not None]
        for end in (each for each in placed if each.row.details is None):
            floor = end.place if floor is None else max(floor, end.place)
            if source == "event":
                events_end = end
    found.sort(key=lambda each: each.place, reverse=True)
    if floor is not None:
        found = [each for each in found if each.place >= floor]
    page = found[:limit]
    following: LogPosition | None = None
    if len(found) > limit:
        floor = page[-1].place
    if floor is not None:
        lowest = [each.row.n for each in page if each.source == "event"]
        if events_end is not None and events_end.place == floor and len(found) <= limit:
            lowest.append(events_end.row.n)
        following = LogPosition(floor, min(lowest, default=event))
    items = [item_of(each.source, each.row, each.place) for each in page]
    return LogPage(await with_external_ids(conn, items), following)


def _filters(wanted: WantedLog) -> dict[str, Any]:
    return {
        "contact": wanted.contact,
        "references": None if wanted.references is None else list(wanted.references),
        "journey": wanted.journey,
        "step": wanted.step,
        "outcome": wanted.outcome,
        "key_id": wanted.key_id,
        "key_name": wanted.key_name,
        "keys": None if wanted.keys is None else list(wanted.keys),
        "from": wanted.since,
        "to": wanted.until,
        **of_types(wanted.types),
    }


def _depth(wanted: WantedLog, source: LogSource, limit: int, depth: int) -> int | None:
    """How many rows of a source are looked at; None: all, because they are those of a contact.

    Of its events, which may be very many, no more are looked at than of others.
    """
    if wanted.of_contact:
        return max(depth, limit) if source == "event" else None
    filtered = (
        wanted.journey is not None
        or wanted.of_key
        or wanted.of_visit
        or not types_of(source) <= wanted.types
        or (source == "event" and not (wanted.since is None and wanted.until is None))
    )
    return max(depth, limit) if filtered else limit


def _placed(source: LogSource, rows: Sequence[LogRow], at: datetime) -> list[_Found]:
    """The rows with their places.

    Events come by their ids, and their times follow these nearly but not always: an event is placed
    no later than the one after it.
    """
    rank = RANKS[source]
    if source != "event":
        return [_Found(LogPlace(row.at, rank, row.id, row.n), source, row) for row in rows]
    placed = []
    for row in sorted(rows, key=lambda row: (row.n, row.details is not None), reverse=True):
        at = min(at, row.at)
        placed.append(_Found(LogPlace(at, rank, row.id, row.n), source, row))
    return placed

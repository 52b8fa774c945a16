"""What will be sent, by journey, step, hour and channel: from due times, dates and schedules.

A send that waits is counted as it is. A wait that ends leads to sends whose conditions are judged
later, so their numbers are bounds: no more than so many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Final, Literal

from psycopg import AsyncConnection

from journeys.protocol.channels import SEND_KINDS, ChannelName
from journeys.schedule.occurrences import CONTACT_ZONE, EASTERNMOST, occurrences
from store.counters.facts import DUE
from store.definitions.catalog import BrokenDocument, Catalog, Definition
from store.reports.upcoming_paths import NextSend, sends_after
from store.segments.segment_conditions import read_revision
from store.sql import fetch_all, fetch_value, integer, sql, text_literal

By = Literal["deferral", "wait", "date", "schedule"]
LONGEST: Final = timedelta(days=7)
"""How far ahead it may be asked."""
_OCCURRENCES: Final = 200
"""Occurrences of one schedule that are counted."""
_WITHOUT_TIME: Final = 1_000
"""Sends that wait for a person, or for another day, are counted no further."""

_QUARTER: Final = timedelta(minutes=15)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_CLOCK: Final = sql("select parcours.clock()")
# The hours are those of UTC. What is overdue comes in the first one. Whole quarters of an hour are
# read from counters; the one that is under way and the last one from rows, which alone say what is
# due in the quarter in which its step began, and until when the last one is wanted.
_DUE: Final = sql(
    """
with due as materialized (
    select v.run_id, v.step, v.kind, v.held, greatest(v.due_at, %(now)s) as due_at
    from visit v where v.outcome is null and v.due_at < %(first)s
    union all
    select v.run_id, v.step, v.kind, v.held, v.due_at
    from visit v where v.outcome is null and v.due_at >= %(last)s and v.due_at < %(until)s
)
select journey, version, step, kind, held, hour, sum(count)::bigint
from (
    select r.journey, r.version, d.step, d.kind, d.held,
           date_trunc('hour', d.due_at, 'UTC') as hour, 1 as count
    from due d join run r on r.id = d.run_id
    where r.state = 'active'
    union all
    select f.journey, f.version, f.step, {label}, date_trunc('hour', f.begins_at, 'UTC'), f.count
    from journey j
    cross join lateral (
        select * from figure f
        where f.journey = j.key and f.span = 'quarter' and f.cohort = 'occurrence'
          and not f.removed and f.begins_at >= %(first)s and f.begins_at < %(last)s
          and f.fact = {due}
    ) f
    union all
    select f.journey, f.version, f.step, {label}, date_trunc('hour', f.at, 'UTC'), f.count
    from figure_delta f
    where f.fact = {due} and not f.removed and f.at >= %(first)s and f.at < %(last)s
) counted
group by 1, 2, 3, 4, 5, 6 having sum(count) > 0
""",
    due=text_literal(DUE),
    label=sql("split_part(f.label, ' ', 1), nullif(split_part(f.label, ' ', 2), '')"),
)
_DATES: Final = sql("""
select journey, slot, date_trunc('hour', greatest(look_at, %(now)s), 'UTC') as hour,
       count(*)::bigint
from date_entry where attempts = 0 and look_at < %(until)s group by 1, 2, 3
""")
_MEMBERS: Final = sql("""
select count(*) from segment_member where segment = %(segment)s
""")
_CONTACTS: Final = sql("""
select greatest(reltuples, 0)::bigint from pg_class where oid = 'contact'::regclass
""")
_EXACT_CONTACTS: Final = sql("""
select count(*) from (select from contact limit 100001) c
""")
_HELD: Final = sql(
    """
select r.journey, v.step, v.kind, v.held, count(*)::bigint
from (
    select run_id, step, kind, held from visit
    where held is not null and outcome is null and due_at is null limit {limit}
) v join run r on r.id = v.run_id and r.state = 'active'
group by 1, 2, 3, 4 order by 1, 2, 4
""",
    limit=integer(_WITHOUT_TIME),
)
_STATES: Final = sql("select key, state from journey")


@dataclass(frozen=True, slots=True)
class Upcoming:
    """Sends of one step that come within one hour."""

    hour: datetime
    """Its beginning, in UTC."""
    journey: str
    step: str
    channel: ChannelName
    count: int
    exact: bool
    """False: no more than so many, because conditions are judged later."""
    by: By
    reason: str | None
    """Of a deferral: why it waits."""


@dataclass(frozen=True, slots=True)
class WithoutTime:
    """Sends of one step that wait for no time: for a resume, an unfreeze, another day."""

    journey: str
    step: str
    channel: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What will be sent within a time."""

    now: datetime
    until: datetime
    items: list[Upcoming]
    """By hour, journey and step."""
    without_time: list[WithoutTime]
    """What waits for no time; no more than 1,000 sends are counted."""

    def by_channel(self) -> dict[str, int]:
        """The sends of each channel: no more than so many."""
        found: Counter[str] = Counter()
        for item in self.items:
            found[item.channel] += item.count
        return dict(sorted(found.items()))


async def read_upcoming(
    conn: AsyncConnection[Any], catalog: Catalog, within: timedelta
) -> Forecast:
    """What will be sent within a time from now."""
    now: datetime = await fetch_value(conn, _CLOCK)
    until = now + within
    counts: Counter[Upcoming] = Counter()
    states = dict(await fetch_all(conn, _STATES))
    paths = _Paths(conn, catalog)
    first = min(_quarter(now) + _QUARTER, until)
    last = max(_quarter(until), first)
    times = {"now": now, "first": first, "last": last, "until": until}
    rows = await fetch_all(conn, _DUE, times)
    for journey, version, step, kind, held, hour, count in rows:
        if states.get(journey) == "paused":
            continue
        if kind in SEND_KINDS:
            # At its deadline a send may be skipped, and what is retried may fail again.
            exact = held not in ("retry", "paused")
            counts[Upcoming(hour, journey, step, kind, 0, exact, "deferral", held)] += count
            continue
        for send in await paths.after(journey, version, step):
            counts[_item(hour, journey, send, "wait", listening=kind == "split")] += count
    await _add_dates(conn, catalog, counts, now, until)
    await _add_schedules(conn, catalog, counts, now, until)
    held_rows = await fetch_all(conn, _HELD)
    return Forecast(
        now,
        until,
        sorted(
            (
                Upcoming(item.hour, item.journey, item.step, item.channel, count, item.exact,
                         item.by, item.reason)
                for item, count in counts.items()
            ),
            key=lambda each: (each.hour, each.journey, each.step, each.by, each.reason or ""),
        ),
        [WithoutTime(*row) for row in held_rows],
    )  # fmt: skip


def _quarter(at: datetime) -> datetime:
    return at - (at - _EPOCH) % _QUARTER


def _item(
    hour: datetime, journey: str, send: NextSend, by: By, *, listening: bool = False
) -> Upcoming:
    exact = send.certain and by == "wait" and not listening
    return Upcoming(hour, journey, send.step, send.channel, 0, exact, by, None)


class _Paths:
    """The sends after each wait, by journey and version, each worked out once."""

    def __init__(self, conn: AsyncConnection[Any], catalog: Catalog) -> None:
        self._conn = conn
        self._catalog = catalog
        self._known: dict[tuple[str, int, str | None], list[NextSend]] = {}

    async def after(self, journey: str, version: int, step: str | None) -> Sequence[NextSend]:
        """The sends that follow on a wait; none of a version that no longer validates."""
        key = journey, version, step
        if key not in self._known:
            try:
                definition = await self._catalog.definition(self._conn, journey, version)
            except (BrokenDocument, LookupError):
                self._known[key] = []
            else:
                self._known[key] = sends_after(definition.program, definition.journey, step)
        return self._known[key]


async def _add_dates(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    counts: Counter[Upcoming],
    now: datetime,
    until: datetime,
) -> None:
    active = await catalog.active(conn, await read_revision(conn))
    states = dict(await fetch_all(conn, _STATES))
    for journey, _, hour, count in await fetch_all(conn, _DATES, {"now": now, "until": until}):
        definition = active.dated.get(journey)
        if definition is None or states.get(journey) != "active":
            continue
        for send in sends_after(definition.program, definition.journey, None):
            counts[_item(hour, journey, send, "date")] += count


async def _add_schedules(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    counts: Counter[Upcoming],
    now: datetime,
    until: datetime,
) -> None:
    active = await catalog.active(conn, await read_revision(conn))
    states = dict(await fetch_all(conn, _STATES))
    for journey, definition in active.scheduled.items():
        if states.get(journey) != "active":
            continue
        for each in definition.timed.schedules:
            await _add_schedule(conn, definition, each.entry.schedule, counts, now, until)


async def _add_schedule(
    conn: AsyncConnection[Any],
    definition: Definition,
    schedule: Any,
    counts: Counter[Upcoming],
    now: datetime,
    until: datetime,
) -> None:
    # At the contacts' local time it comes first in UTC+14, and for most of them hours later.
    in_zones = schedule.timezone == CONTACT_ZONE
    shift = EASTERNMOST if in_zones else timedelta()
    coming = occurrences(schedule, definition.journey.timezone, now - shift)
    times = [
        occurrence.at + shift
        for _, occurrence in zip(range(_OCCURRENCES), coming, strict=False)
        if occurrence.at + shift >= now
    ]
    times = list(takewhile(lambda at: at < until, times))
    if not times:
        return
    contacts = await _contacts(conn, schedule.segment)
    for at in times:
        hour = at.replace(minute=0, second=0, microsecond=0)
        for send in sends_after(definition.program, definition.journey, None):
            counts[_item(hour, definition.key, send, "schedule")] += contacts


async def _contacts(conn: AsyncConnection[Any], segment: str | None) -> int:
    """The members of a segment; all contacts without one, beyond 100,000 as PostgreSQL knows it."""
    if segment is not None:
        return int(await fetch_value(conn, _MEMBERS, {"segment": segment}))
    counted = int(await fetch_value(conn, _EXACT_CONTACTS))
    if counted <= 100_000:
        return counted
    return max(counted, int(await fetch_value(conn, _CONTACTS)))

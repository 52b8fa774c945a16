"""Date entries that are due: taken with their contacts locked, decided, and set to the next moment.

When one is due it is worked out again, with the contact and the live version as they are now. If
its moment is no longer now, it is only set again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from journeys.model.entry_rules import is_too_late
from journeys.model.reasons import RefusalReason
from journeys.schedule.date_moments import DateMoment
from journeys.time.zones import zone_of
from store.dates.candidates import let_in
from store.dates.date_rows import DateRow, following, plan, remove_rows, write_rows, written
from store.dates.live_journeys import LiveJourney, read_live_journeys
from store.definitions.catalog import Active, Catalog, Definition
from store.definitions.timed_entries import DatedEntry
from store.entries.admission import AdmittedEntry, EntryRequest, enter_all
from store.sql import Connection, execute, fetch_all_as, fetch_one_as, fetch_value, sql

_COLUMNS: Final = sql("""
d.contact_id, d.journey, d.slot, d.due_at, d.since, d.value, d.attempts, c.timezone, c.attributes
""")
# Both rows are locked, so that one which another process has drained meanwhile is read again.
_TAKE = sql(
    """
select {columns} from date_entry d join contact c on c.id = d.contact_id
where d.attempts = 0 and d.look_at <= (select parcours.clock())
order by d.look_at limit %(limit)s for no key update of c, d skip locked
""",
    columns=_COLUMNS,
)
_TAKE_AGAIN = sql(
    """
select {columns} from date_entry d join contact c on c.id = d.contact_id
where d.attempts > 0 and d.look_at <= (select parcours.clock())
order by d.look_at limit %(limit)s for no key update of c, d skip locked
""",
    columns=_COLUMNS,
)
_TAKE_ONE = sql(
    """
select {columns} from date_entry d join contact c on c.id = d.contact_id
where d.contact_id = %(contact)s and d.journey = %(journey)s and d.slot = %(slot)s
  and d.look_at <= (select parcours.clock())
for no key update of c, d skip locked
""",
    columns=_COLUMNS,
)
_PUT_OFF = sql("""
update date_entry set look_at = parcours.clock() + %(delay)s, attempts = least(attempts + 1, 1000)
where contact_id = %(contact)s and journey = %(journey)s and slot = %(slot)s
""")
_SECONDS = sql("""
select extract(epoch from (
    select d.look_at from date_entry d where d.attempts = 0 order by d.look_at limit 1
) - parcours.clock())::float8
""")
_SECONDS_AGAIN = sql("""
select extract(epoch from (
    select d.look_at from date_entry d where d.attempts > 0 order by d.look_at limit 1
) - parcours.clock())::float8
""")


_WITHIN_A_DAY = sql("""
select count(*) from date_entry d
where d.attempts = 0 and d.look_at < (select parcours.clock()) + interval '1 day'
  and d.journey = %(journey)s
""")


@dataclass(frozen=True)
class DueDate:
    """A date entry that is due, with its contact as it is now."""

    contact_id: UUID
    journey: str
    slot: int
    due_at: datetime
    since: datetime
    value: str
    attempts: int
    timezone: str | None
    attributes: dict[str, Any] = field(repr=False)

    @property
    def row(self) -> DateRow:
        """Its row."""
        return DateRow(self.contact_id, self.slot, self.due_at, self.since, self.value)


async def take_due_dates(conn: Connection, limit: int, *, again: bool) -> list[DueDate]:
    """Date entries that are due, oldest first, with their contacts locked.

    `again`: those that have failed before; otherwise those that have not.
    """
    return await fetch_all_as(conn, DueDate, _TAKE_AGAIN if again else _TAKE, {"limit": limit})


async def take_due_date(conn: Connection, due: DueDate) -> DueDate | None:
    """One as it is now, locked; None if it is not due any more, or locked by another."""
    return await fetch_one_as(conn, DueDate, _TAKE_ONE, _place(due))


async def put_off_date(conn: Connection, due: DueDate, delay: timedelta) -> None:
    """Look at one again after a delay."""
    await execute(conn, _PUT_OFF, {**_place(due), "delay": delay})


async def seconds_to_next_date(conn: Connection, *, again: bool) -> float | None:
    """How long until one is due, below 0 if it is; None if none will be."""
    seconds: float | None = await fetch_value(conn, _SECONDS_AGAIN if again else _SECONDS)
    return seconds


async def dates_within(conn: Connection, journey: str) -> int:
    """The number of contacts whose date comes within a day."""
    return int(await fetch_value(conn, _WITHIN_A_DAY, {"journey": journey}))


def _place(due: DueDate) -> dict[str, Any]:
    return {"contact": due.contact_id, "journey": due.journey, "slot": due.slot}


@dataclass
class _Decisions:
    """What becomes of the due rows of one journey."""

    set: list[DateRow] = field(default_factory=list)
    removed: list[tuple[UUID, int]] = field(default_factory=list)
    come: list[tuple[DueDate, DatedEntry, DateMoment]] = field(default_factory=list)
    """Those whose moment is now."""


async def drain_dates(
    conn: Connection, catalog: Catalog, active: Active, dues: Sequence[DueDate]
) -> int:
    """Begin the runs of due date entries in the caller's transaction, and set the next moments.

    Returns how many runs began; dispatchers start their workflows. Raises BrokenDocument for a
    journey that cannot be read.
    """
    entered = 0
    journeys = dict.fromkeys(due.journey for due in dues)
    live = await read_live_journeys(conn, journeys)
    for journey in journeys:
        rows = [due for due in dues if due.journey == journey]
        definition = active.dated.get(journey)
        if definition is None and active.broken and journey in live and live[journey].is_live:
            raise active.broken[0]
        if definition is None or journey not in live:
            # It was archived, or its version has no entry by date any more.
            await remove_rows(conn, journey, [due.row.place for due in rows])
            continue
        entered += await _drain(conn, catalog, definition, live[journey], rows)
    return entered


async def _drain(
    conn: Connection,
    catalog: Catalog,
    definition: Definition,
    live: LiveJourney,
    dues: Sequence[DueDate],
) -> int:
    decided = _Decisions()
    for due in dues:
        _decide(definition, live, due, decided)
    entered = 0
    for slot in sorted({due.slot for due, _, _ in decided.come}):
        come = [each for each in decided.come if each[0].slot == slot]
        entered += await _enter(conn, catalog, definition, live, come)
    await remove_rows(conn, definition.key, decided.removed)
    await write_rows(conn, definition.key, decided.set)
    return entered


def _decide(definition: Definition, live: LiveJourney, due: DueDate, decided: _Decisions) -> None:
    entries = definition.timed.dates
    if due.slot >= len(entries):
        decided.removed.append(due.row.place)
        return
    entry = entries[due.slot]
    value = entry.rule.value_of(due.attributes)
    planned = plan(
        definition, live, entry, value=value, timezone=due.timezone, row=due.row, since=None
    )
    row: DateRow | None = None
    if planned is not None:
        moment, since = planned
        if moment.at == due.due_at and written(value) == due.value:
            decided.come.append((due, entry, moment))
            row = following(definition, entry, due.row, value, due.timezone)
        else:
            row = DateRow(due.contact_id, due.slot, moment.at, since, written(value))
    if row is None:
        decided.removed.append(due.row.place)
    else:
        decided.set.append(row)


async def _enter(
    conn: Connection,
    catalog: Catalog,
    definition: Definition,
    live: LiveJourney,
    come: Sequence[tuple[DueDate, DatedEntry, DateMoment]],
) -> int:
    """Enter the contacts whose moment by one entry is now."""
    entry = come[0][1]
    properties = {due.contact_id: {"date": moment.date.isoformat()} for due, _, moment in come}
    welcome = await let_in(conn, definition, entry.condition, properties)
    requests = [
        (
            definition,
            EntryRequest(
                contact_id=due.contact_id,
                key=entry.key(moment),
                properties=properties[due.contact_id],
                event_id=None,
                start_workflow=True,
                once=True,
                refusal=_refusal(definition, live, entry, due, moment),
            ),
        )
        for due, _, moment in come
        if due.contact_id in welcome
    ]
    if not requests:
        return 0
    answers = await enter_all(conn, catalog, requests)
    return sum(isinstance(answer, AdmittedEntry) for answer in answers)


def _refusal(
    definition: Definition,
    live: LiveJourney,
    entry: DatedEntry,
    due: DueDate,
    moment: DateMoment,
) -> RefusalReason | None:
    if live.resumed_at is not None and moment.at < live.resumed_at:
        # It came during a pause that is over, or before it and was not drained: it had its time.
        return "paused"
    zone = zone_of(due.timezone, definition.journey.timezone)
    return "late" if is_too_late(entry.up_to, at=moment.at, now=live.now, zone=zone) else None

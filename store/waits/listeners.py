"""Listeners of runs: registered, removed, and queried for the trigger that fired first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from store.conditions.trigger_matching import needs_exact_test, resolve_match
from store.sql import (
    Connection,
    execute,
    execute_many,
    fetch_one,
    fetch_value,
    sql,
    statement,
)
from store.tables.definitions import Catalog
from store.tables.events import Event
from store.tables.runs import Listener
from store.waits.condition_walks import Look, look, save_looks
from store.waits.listener_queries import ListenerQuery, Slot

_ADDED = (
    "run_id", "visit", "slot", "contact_id", "event_name", "match", "ref", "rest",
)  # fmt: skip
# A condition is due at once: its first look sets the next due time.
_ADD = statement(
    insert(Listener)
    .values(
        {name: bindparam(name) for name in _ADDED}
        | {
            "since": case(
                (
                    bindparam("of_condition"),
                    func.coalesce(bindparam("since"), func.parcours.clock()),
                )
            ),
            "due_at": case((bindparam("of_condition"), func.parcours.clock())),
            "catalog_revision": case(
                (
                    bindparam("of_catalog"),
                    func.coalesce(
                        bindparam("revision"), select(col(Catalog.revision)).scalar_subquery()
                    ),
                )
            ),
        }
    )
    .on_conflict_do_nothing()
)
_STAMP = statement(select(col(Event.stamped_at)).where(col(Event.id) == bindparam("event")))
_CLOCK = sql("select parcours.clock()")
_REMOVE = statement(
    delete(Listener).where(
        col(Listener.run_id) == bindparam("run"), col(Listener.visit) == bindparam("visit")
    )
)


@dataclass(frozen=True)
class Fired:
    """A trigger that fired."""

    slot: Slot
    at: datetime
    """The stamp of the event that fired it, or the instant from which on its condition holds."""
    event_id: int | None
    """The event that fired it; None for a condition."""
    by_event: bool = True
    """Whether an event brought the instant; of a condition it may be time."""

    def precedes(self, other: Fired) -> bool:
        """Whether this one fired first, or by the same event, or at the same instant."""
        if self.event_id is not None and other.event_id is not None:
            return self.event_id <= other.event_id
        return (self.at, not self.by_event) <= (other.at, not other.by_event)


@dataclass(frozen=True)
class Check:
    """The result of a check of all slots of a query."""

    fired: Fired | None
    """The trigger that fired first; None if none has."""
    looks: tuple[Look, ...] = ()
    """The looks at its conditions."""

    @property
    def finished(self) -> bool:
        """Whether the looks have come to their end, so that no trigger can have fired before."""
        return all(each.finished for each in self.looks)


async def add_listeners(
    conn: Connection,
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    contact_id: UUID,
    ref: int,
    entry: dict[str, Any],
    since: datetime | None = None,
) -> None:
    """Register the slots of a query; only events with an id above `ref` count.

    A condition counts from the instant `since` on, by default from now on.

    A slot whose `where` refers to a property that the entry lacks can never fire. It is left out.
    """
    rows = listener_rows(
        query,
        run_id=run_id,
        visit=visit,
        contact_id=contact_id,
        ref=ref,
        entry=entry,
        since=since,
    )
    await insert_listeners(conn, rows)


async def insert_listeners(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows of `listener_rows`, of one run or of many."""
    await execute_many(conn, _ADD, rows)


def listener_rows(
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    contact_id: UUID,
    ref: int,
    entry: dict[str, Any],
    since: datetime | None = None,
) -> list[dict[str, Any]]:
    """The rows that `add_listeners` inserts."""
    rows: list[dict[str, Any]] = []
    for slot in query.slots:
        match = resolve_match(slot.equal, entry)
        if match is None:
            continue
        walk = query.walks.get(slot.number)
        rows.append(
            {
                "run_id": run_id,
                "visit": visit,
                "slot": slot.number,
                "contact_id": contact_id,
                "event_name": slot.event_name,
                "match": Jsonb(match),
                "ref": 0 if visit and slot.number in query.since_its_send else ref,
                "rest": slot.rest or needs_exact_test(match),
                "of_condition": walk is not None,
                "since": since,
                "of_catalog": walk is not None and walk.of_catalog,
                "revision": None if walk is None else walk.revision,
            }
        )
    return rows


async def check(
    conn: Connection,
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    due: datetime | None = None,
) -> Check:
    """Which trigger has fired first: by event id, or by instant, and then by its place.

    With `due`, only events stamped up to it and instants up to it count. A look at a condition has
    a bounded length: see `Check.finished`.
    """
    row = await fetch_one(
        conn, query.sql, {**query.params, "run": run_id, "visit": visit, "due": due}
    )
    if row is None:
        return Check(None)
    first = min(
        (
            (event_id, slot.number, slot)
            for slot, event_id in zip(query.slots, row, strict=True)
            if event_id is not None
        ),
        default=None,
    )
    fired = None
    if first is not None:
        event_id, _, slot = first
        fired = Fired(slot, await event_stamp(conn, event_id), event_id)
    looks: list[Look] = []
    # A condition counts only if it held before the event, or at its stamp.
    until = due if fired is None else fired.at
    for walk in query.walks.values():
        looks += await look(conn, walk, [(run_id, visit)], until)
    by_slot = {slot.number: slot for slot in query.slots}
    for each in looks:
        if not each.holds:
            continue
        held = Fired(by_slot[each.slot], each.at, None, each.by_event)
        if fired is None or _order(held) < _order(fired):
            fired = held
    return Check(fired, tuple(looks))


def _order(fired: Fired) -> tuple[datetime, bool, int]:
    return fired.at, not fired.by_event, fired.slot.number


async def first_fired(
    conn: Connection,
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    due: datetime | None = None,
) -> Fired | None:
    """The trigger that fired first, as `check` finds it; None if none has.

    Looks at conditions go on until they are finished.
    """
    checked = await check(conn, query, run_id=run_id, visit=visit, due=due)
    while not checked.finished:
        await keep_looks(conn, checked)
        checked = await check(conn, query, run_id=run_id, visit=visit, due=due)
    return checked.fired


async def event_stamp(conn: Connection, event_id: int) -> datetime:
    """When an event was stamped."""
    stamped_at: datetime = await fetch_value(conn, _STAMP, {"event": event_id})
    return stamped_at


async def keep_looks(conn: Connection, checked: Check) -> None:
    """Keep where the looks at conditions that do not hold ended, and when the next one is due."""
    looks = [each for each in checked.looks if not each.holds]
    if looks:
        await save_looks(conn, looks, now=await fetch_value(conn, _CLOCK))


async def remove_listeners(conn: Connection, run_id: UUID, visit: int) -> None:
    """Remove the listeners of a visit."""
    await execute(conn, _REMOVE, {"run": run_id, "visit": visit})

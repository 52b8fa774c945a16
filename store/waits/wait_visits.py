"""Visits of waits: planned, closed, and changed while the run waits. A split may wait, too.

The reference of a wait is an event id and never a time: the wait counts the contact's events with a
higher id. When it ends, the next reference is the id of the event that ended it, or else the
highest id of the events stamped up to its due time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from journeys.model.well_known_events import CONTACT_CHANGED
from journeys.protocol.channels import CHANNELS
from store.runs.rows import RunRow
from store.sql import (
    Connection,
    execute,
    fetch_one,
    fetch_value,
    join,
    sql,
    statement,
    text_literal,
)
from store.tables.events import Event
from store.tables.runs import Listener, Visit

# A wait or a send that an operator skipped counts like one that ended by itself.
_START = sql(
    """
select case when kind in ('wait', 'split') then ended_at end from visit
where run_id = %(run)s and (kind in ('wait', {sends}) or kind = 'split' and due_at is not null)
and (outcome <> 'skipped' or facts->>'reason' = 'operator') order by visit desc limit 1
""",
    sends=join(", ", (text_literal(channel) for channel in CHANNELS)),
)
_PLAN = sql("""
with planned as (
    insert into visit (run_id, visit, step, kind, started_at, due_at, ref, facts)
    values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(start)s, %(due)s, %(ref)s, %(facts)s)
    on conflict (run_id, visit) do nothing returning visit
)
update run set step = %(step)s, visit = %(visit)s
where id = %(run)s and exists (select from planned) returning id
""")
_REFERENCE_BEFORE = statement(
    select(func.coalesce(func.max(col(Event.id)), 0)).where(
        col(Event.contact_id) == bindparam("contact"), col(Event.stamped_at) < bindparam("instant")
    )
)
_WATCH = sql("""
insert into listener (run_id, visit, slot, contact_id, event_name, match, ref)
select %(run)s, %(visit)s, -w.place, %(contact)s, %(event)s,
       w.match, %(ref)s
from unnest(%(matches)s::jsonb[]) with ordinality as w(match, place)
on conflict do nothing
""")
_LATEST_CHANGE = sql("""
select e.id, e.stamped_at from listener l
join event e on e.contact_id = %(contact)s and e.name = l.event_name and e.id > l.ref
     and e.properties @> l.match
where l.run_id = %(run)s and l.visit = %(visit)s and l.slot < 0
and (%(due)s::timestamptz is null or e.stamped_at <= %(due)s::timestamptz)
order by e.id + 0 desc limit 1
""")
_REPLAN = statement(
    update(Visit)
    .where(
        col(Visit.run_id) == bindparam("run"),
        col(Visit.visit) == bindparam("number"),
        col(Visit.outcome).is_(None),
    )
    .values(due_at=bindparam("due"), facts=bindparam("facts"))
)
_REMOVE_STATUS_LISTENER = statement(
    delete(Listener).where(
        col(Listener.run_id) == bindparam("run"),
        col(Listener.visit) == bindparam("number"),
        col(Listener.slot) >= 0,
    )
)
_CLOSE_BY_EVENT = sql("""
with removed as (delete from listener where run_id = %(run)s and visit = %(visit)s),
ended as (
    update visit v set outcome = %(outcome)s,
           ended_at = greatest(v.started_at, e.stamped_at), recorded_at = parcours.clock(),
           facts = v.facts || jsonb_build_object('event_id', e.id, 'event', e.name),
           output = jsonb_build_object('event', e.properties)
    from event e
    where v.run_id = %(run)s and v.visit = %(visit)s and e.id = %(event)s
)
update run set ref = greatest(ref, %(event)s) where id = %(run)s
""")
_REFERENCE_AT = sql("""
with later as materialized (
    select id, stamped_at from event where contact_id = %(contact)s and id > %(ref)s
)
select max(id) from later where stamped_at <= %(due)s
""")
_CLOSE = sql("""
with removed as (delete from listener where run_id = %(run)s and visit = %(visit)s),
ended as (
    update visit set outcome = %(outcome)s, ended_at = %(at)s, recorded_at = parcours.clock(),
           facts = facts || %(facts)s
    where run_id = %(run)s and visit = %(visit)s
)
update run set ref = greatest(ref, %(ref)s) where id = %(run)s
""")
_CLOSE_BY_EXIT = statement(
    update(Visit)
    .where(
        col(Visit.run_id) == bindparam("run"),
        col(Visit.visit) == bindparam("number"),
        col(Visit.outcome).is_(None),
    )
    .values(
        outcome=bindparam("end"),
        ended_at=func.parcours.clock(),
        recorded_at=func.parcours.clock(),
        held=None,
        facts=col(Visit.facts).op("||")(bindparam("facts", type_=JSONB)),
    )
)


async def starting_time(conn: Connection, run: RunRow) -> datetime:
    """The start of a wait that is planned now.

    A wait that follows another one, with no send between them, starts when that one ended: at the
    stamp of the event that ended it, or at its due time. So a late wake-up delays no later wait.
    Any other wait starts now.
    """
    ended_at: datetime | None = await fetch_value(conn, _START, {"run": run.id})
    return ended_at or run.now


async def plan_wait(
    conn: Connection,
    *,
    run_id: UUID,
    visit: int,
    step: str,
    start: datetime,
    due: datetime | None,
    ref: int,
    facts: dict[str, Any],
    kind: str = "wait",
) -> bool:
    """Record that the run is at a wait; False if this was recorded before."""
    planned = await fetch_one(
        conn,
        _PLAN,
        {
            "run": run_id,
            "visit": visit,
            "step": step,
            "kind": kind,
            "start": start,
            "due": due,
            "ref": ref,
            "facts": Jsonb(facts),
        },
    )
    return planned is not None


async def reference_before(conn: Connection, contact_id: UUID, instant: datetime) -> int:
    """The contact's highest event id stamped before an instant; 0 if there is none."""
    ref: int = await fetch_value(
        conn, _REFERENCE_BEFORE, {"contact": contact_id, "instant": instant}
    )
    return ref


async def watch_attributes(conn: Connection, run: RunRow, visit: int, names: list[str]) -> None:
    """Listen for changes of the contact's attributes, by name, that change when the wait ends.

    A merge may change all of them.
    """
    await execute(
        conn,
        _WATCH,
        {
            "run": run.id,
            "visit": visit,
            "contact": run.contact_id,
            "event": CONTACT_CHANGED,
            "ref": run.last_event_id,
            "matches": [Jsonb({"names": [name]}) for name in names] + [Jsonb({"merged": True})],
        },
    )


@dataclass(frozen=True)
class ContactChange:
    """An event that records a change of the contact, and when it was stamped."""

    id: int
    stamped_at: datetime


async def latest_change(
    conn: Connection, run: RunRow, visit: int, due: datetime | None
) -> ContactChange | None:
    """The latest change that the wait watches for; with `due`, of those stamped up to it."""
    row = await fetch_one(
        conn,
        _LATEST_CHANGE,
        {"contact": run.contact_id, "run": run.id, "visit": visit, "due": due},
    )
    return ContactChange(*row) if row else None


async def change_due_time(
    conn: Connection,
    run_id: UUID,
    visit: int,
    *,
    due: datetime | None,
    facts: dict[str, Any],
) -> None:
    """Change when a wait that has not ended ends by itself."""
    await execute(
        conn, _REPLAN, {"run": run_id, "number": visit, "due": due, "facts": Jsonb(facts)}
    )


async def remove_status_listener(conn: Connection, run_id: UUID, visit: int) -> None:
    """Stop listening for the status of a message that the wait counts `after`: it has come."""
    await execute(conn, _REMOVE_STATUS_LISTENER, {"run": run_id, "number": visit})


async def close_by_event(
    conn: Connection, run: RunRow, visit: int, outcome: str, event_id: int
) -> None:
    """End a wait by an event: it ends at the event's stamp, and its output are the properties."""
    await execute(
        conn,
        _CLOSE_BY_EVENT,
        {"run": run.id, "visit": visit, "outcome": outcome, "event": event_id},
    )


async def close_by_condition(
    conn: Connection, run: RunRow, visit: int, outcome: str, at: datetime, facts: dict[str, Any]
) -> None:
    """End a wait at the instant from which on its condition held.

    `facts` are the values that decided it. Events that are stamped later count for the next wait.
    """
    await _close(conn, run, visit, outcome, at, await _reference_at(conn, run, at), facts)


async def close_by_time(
    conn: Connection,
    run: RunRow,
    visit: int,
    outcome: str,
    due: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """End a wait at its due time. Events that are stamped after it count for the next wait."""
    await _close(conn, run, visit, outcome, due, await _reference_at(conn, run, due), facts)


async def _reference_at(conn: Connection, run: RunRow, instant: datetime) -> int:
    """The highest id of the contact's events stamped up to an instant, from the run's on."""
    if run.last_event_id <= run.ref:
        return run.ref
    latest: int | None = await fetch_value(
        conn, _REFERENCE_AT, {"contact": run.contact_id, "ref": run.ref, "due": instant}
    )
    return run.ref if latest is None else latest


async def _close(
    conn: Connection,
    run: RunRow,
    visit: int,
    outcome: str,
    at: datetime,
    ref: int,
    facts: dict[str, Any] | None = None,
) -> None:
    await execute(
        conn,
        _CLOSE,
        {
            "run": run.id,
            "visit": visit,
            "outcome": outcome,
            "at": at,
            "ref": ref,
            "facts": Jsonb(facts or {}),
        },
    )


async def close_by_exit(
    conn: Connection,
    run_id: UUID,
    visit: int,
    outcome: str,
    facts: dict[str, Any] | None = None,
) -> None:
    """End a wait because an exit fired during it; `outcome` is the run's.

    `facts` are the values that decided it, if the exit is by a condition.
    """
    await execute(
        conn,
        _CLOSE_BY_EXIT,
        {"run": run_id, "number": visit, "end": outcome, "facts": Jsonb(facts or {})},
    )

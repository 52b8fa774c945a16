"""Waits: a visit that stands still until an event or a moment. A split may stand so, too.

The reference is an event id, never a time: a wait counts the contact's events with a higher id.
Its own next reference is the id that ended it, else the highest id stamped up to its due time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.well_known_events import CONTACT_CHANGED
from store.runs.rows import RunRow


async def starting_time(conn: AsyncConnection[Any], run: RunRow) -> datetime:
    """When a wait that is planned now starts.

    A wait that follows another with nothing sent between starts when that one ended, by the stamp
    of its event or by its due time: a late wake-up shifts nothing. Otherwise now.
    """
    cursor = await conn.execute(
        "select case when kind in ('wait', 'split') then ended_at end from visit"
        " where run_id = %s and (kind in ('wait', 'email', 'sms', 'webhook')"
        " or kind = 'split' and due_at is not null)"
        " and outcome <> 'skipped' order by visit desc limit 1",
        (run.id,),
    )
    row = await cursor.fetchone()
    return row[0] if row and row[0] else run.now


async def plan_wait(
    conn: AsyncConnection[Any],
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
    """Record that the run stands at a wait; False if it was planned before."""
    cursor = await conn.execute(
        """
        with planned as (
            insert into visit (run_id, visit, step, kind, started_at, due_at, ref, facts)
            values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(start)s, %(due)s, %(ref)s, %(facts)s)
            on conflict (run_id, visit) do nothing returning visit
        )
        update run set step = %(step)s, visit = %(visit)s
        where id = %(run)s and exists (select from planned) returning id
        """,
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
    return await cursor.fetchone() is not None


async def reference_before(conn: AsyncConnection[Any], contact_id: UUID, instant: datetime) -> int:
    """The contact's highest event id stamped before an instant; 0 if there is none."""
    cursor = await conn.execute(
        "select coalesce(max(id), 0) from event where contact_id = %s and stamped_at < %s",
        (contact_id, instant),
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def watch_attributes(
    conn: AsyncConnection[Any], run: RunRow, visit: int, names: list[str]
) -> None:
    """Listen for changes of the contact's attributes, by name, that move the wait's end.

    A merge may change them all.
    """
    await conn.execute(
        """
        insert into listener (run_id, visit, slot, contact_id, event_name, match, ref)
        select %(run)s, %(visit)s, -w.place, %(contact)s, %(event)s,
               w.match, %(ref)s
        from unnest(%(matches)s::jsonb[]) with ordinality as w(match, place)
        on conflict do nothing
        """,
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
    """An event that tells of a change of the contact, and when it was stamped."""

    id: int
    stamped_at: datetime


async def latest_change(
    conn: AsyncConnection[Any], run: RunRow, visit: int, due: datetime | None
) -> ContactChange | None:
    """The latest change that the wait watches for, with `due` of those stamped up to it."""
    cursor = await conn.execute(
        """
        select e.id, e.stamped_at from listener l
        join event e on e.contact_id = %(contact)s and e.name = l.event_name and e.id > l.ref
             and e.properties @> l.match
        where l.run_id = %(run)s and l.visit = %(visit)s and l.slot < 0
        and (%(due)s::timestamptz is null or e.stamped_at <= %(due)s::timestamptz)
        order by e.id desc limit 1
        """,
        {"contact": run.contact_id, "run": run.id, "visit": visit, "due": due},
    )
    row = await cursor.fetchone()
    return ContactChange(*row) if row else None


async def replan_wait(
    conn: AsyncConnection[Any],
    run_id: UUID,
    visit: int,
    *,
    due: datetime | None,
    facts: dict[str, Any],
) -> None:
    """Note when a wait that goes on ends by itself now."""
    await conn.execute(
        "update visit set due_at = %s, facts = %s"
        " where run_id = %s and visit = %s and outcome is null",
        (due, Jsonb(facts), run_id, visit),
    )


async def message_status_at(
    conn: AsyncConnection[Any], run_id: UUID, visit: int, event_id: int
) -> datetime:
    """When the message that a wait counts `after` came to its fate, and listen for it no more."""
    cursor = await conn.execute(
        "with heard as (delete from listener where run_id = %s and visit = %s and slot >= 0)"
        " select stamped_at from event where id = %s",
        (run_id, visit, event_id),
    )
    row = await cursor.fetchone()
    assert row is not None
    stamped_at: datetime = row[0]
    return stamped_at


async def event_stamp(conn: AsyncConnection[Any], event_id: int) -> datetime:
    """When an event was stamped."""
    cursor = await conn.execute("select stamped_at from event where id = %s", (event_id,))
    row = await cursor.fetchone()
    assert row is not None
    stamped_at: datetime = row[0]
    return stamped_at


async def close_by_event(
    conn: AsyncConnection[Any], run: RunRow, visit: int, outcome: str, event_id: int
) -> None:
    """End a wait by an event: it ends at the event's stamp, and leaves the event's properties."""
    await conn.execute(
        """
        with gone as (delete from listener where run_id = %(run)s and visit = %(visit)s),
        ended as (
            update visit v set outcome = %(outcome)s,
                   ended_at = greatest(v.started_at, e.stamped_at),
                   facts = v.facts || jsonb_build_object('event_id', e.id, 'event', e.name),
                   output = jsonb_build_object('event', e.properties)
            from event e
            where v.run_id = %(run)s and v.visit = %(visit)s and e.id = %(event)s
        )
        update run set ref = greatest(ref, %(event)s) where id = %(run)s
        """,
        {"run": run.id, "visit": visit, "outcome": outcome, "event": event_id},
    )


async def close_by_condition(
    conn: AsyncConnection[Any], run: RunRow, visit: int, outcome: str, facts: dict[str, Any]
) -> None:
    """End a wait because its condition holds now; `facts` are what it saw."""
    await _close(conn, run, visit, outcome, run.now, run.last_event_id, facts)


async def close_by_time(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: int,
    outcome: str,
    due: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """End a wait at its due time. Events stamped after it are left for what comes next."""
    ref = run.ref
    if run.last_event_id > run.ref:
        cursor = await conn.execute(
            "with later as materialized (select id, stamped_at from event"
            " where contact_id = %s and id > %s)"
            " select max(id) from later where stamped_at <= %s",
            (run.contact_id, run.ref, due),
        )
        row = await cursor.fetchone()
        ref = row[0] if row and row[0] is not None else run.ref
    await _close(conn, run, visit, outcome, due, ref, facts)


async def _close(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: int,
    outcome: str,
    at: datetime,
    ref: int,
    facts: dict[str, Any] | None = None,
) -> None:
    await conn.execute(
        """
        with gone as (delete from listener where run_id = %(run)s and visit = %(visit)s),
        ended as (
            update visit set outcome = %(outcome)s, ended_at = %(at)s, facts = facts || %(facts)s
            where run_id = %(run)s and visit = %(visit)s
        )
        update run set ref = greatest(ref, %(ref)s) where id = %(run)s
        """,
        {
            "run": run.id,
            "visit": visit,
            "outcome": outcome,
            "at": at,
            "ref": ref,
            "facts": Jsonb(facts or {}),
        },
    )


async def close_by_exit(conn: AsyncConnection[Any], run_id: UUID, visit: int, outcome: str) -> None:
    """End a wait because an exit fired while the run stood there; `outcome` is the run's."""
    await conn.execute(
        "update visit set outcome = %s, ended_at = parcours.clock(), held = null"
        " where run_id = %s and visit = %s and outcome is null",
        (outcome, run_id, visit),
    )

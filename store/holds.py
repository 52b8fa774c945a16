"""Sends that stand still: why and until when, and what decides how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.meanings import MESSAGE_EVENTS
from store.recording import CONTACT_CHANGED

_DONE_BY_THE_CONTACT = {"Message Opened", "Message Clicked", "Message Replied"}
_NOT_DONE = sorted({CONTACT_CHANGED, *MESSAGE_EVENTS} - _DONE_BY_THE_CONTACT)
"""Events that happen to a contact. Everything else is something that it did."""


async def hold(
    conn: AsyncConnection[Any],
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    held: str,
    due: datetime | None,
    until: datetime | None,
    started: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """Note that a send stands still, why, and until when; `due` is when it looks again.

    The holds of a visit are its fact `held`, a list of `{why, until}`; one that goes on, and one
    retry after another, is one of them.
    """
    now = {"why": held, "until": until and until.astimezone(UTC).isoformat()}
    await conn.execute(
        """
        with standing as (
            insert into visit (run_id, visit, step, kind, started_at, held, due_at, facts)
            values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(started)s, %(held)s, %(due)s,
                    %(facts)s || jsonb_build_object('held', jsonb_build_array(%(now)s::jsonb)))
            on conflict (run_id, visit) do update
            set held = excluded.held, due_at = excluded.due_at,
                facts = visit.facts || excluded.facts || jsonb_build_object('held',
                    case when visit.facts #> '{held,-1}' = %(now)s::jsonb
                              or %(held)s = 'retry' and visit.facts #>> '{held,-1,why}' = 'retry'
                         then (visit.facts->'held') - -1
                         else coalesce(visit.facts->'held', '[]') end || %(now)s::jsonb)
        )
        update run set step = %(step)s, visit = %(visit)s where id = %(run)s
        """,
        {
            "run": run_id,
            "visit": visit,
            "step": step,
            "kind": kind,
            "held": held,
            "due": due,
            "started": started,
            "now": Jsonb(now),
            "facts": Jsonb(facts or {}),
        },
    )


async def claimed_at_place(
    conn: AsyncConnection[Any],
    *,
    contact_id: UUID,
    channel: str,
    place: int,
    run_id: UUID,
    visit: int,
) -> datetime | None:
    """When the contact's message that stands at a `place`, from 1, was claimed; the newest first.

    Of the messages of a channel that went out or may have, of any journey, but for transactional
    ones and that of this visit. None if there are fewer. Under the contact's lock it is exact.
    """
    cursor = await conn.execute(
        """
        select claimed_at from message
        where contact_id = %(contact)s and channel = %(channel)s and not transactional
          and state in ('claimed', 'sent', 'unknown')
          and not (run_id = %(run)s and visit = %(visit)s)
        order by claimed_at desc offset %(before)s limit 1
        """,
        {
            "contact": contact_id,
            "channel": channel,
            "run": run_id,
            "visit": visit,
            "before": place - 1,
        },
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def active_hours(
    conn: AsyncConnection[Any], contact_id: UUID, zone: str, within: timedelta
) -> dict[int, int]:
    """How many things the contact did lately, by the hour that its clock in `zone` showed.

    What steps emitted, what only one run sees, and what machines did with its messages is no doing
    of the contact's.
    """
    cursor = await conn.execute(
        """
        select extract(hour from e.stamped_at at time zone z.name)::int, count(*)
        from event e cross join (select parcours.zone(%(zone)s, 'UTC') as name) z
        where e.contact_id = %(contact)s and e.stamped_at > parcours.clock() - %(within)s
          and e.depth = 0 and e.run_id is null and e.name <> all(%(others)s)
          and (e.name not like 'Message %%' or coalesce(e.properties->>'by', 'human') <> 'machine')
        group by 1
        """,
        {"contact": contact_id, "zone": zone, "within": within, "others": _NOT_DONE},
    )
    return dict(await cursor.fetchall())


async def stop_watching(conn: AsyncConnection[Any], run_id: UUID, visit: int) -> None:
    """Listen no more for what would make a held send look again."""
    await conn.execute("delete from listener where run_id = %s and visit = %s", (run_id, visit))

"""Deferrals of sends: why and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from journeys.protocol.deferrals import DeferralReason
from store.sql import Connection, execute, sql

# A deferral that goes on, and one retry after another, replaces the last entry of the fact `held`.
_DEFER = sql("""
with deferred as (
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
    where visit.outcome is null
)
update run set step = %(step)s, visit = %(visit)s where id = %(run)s
""")


async def record_deferral(
    conn: Connection,
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    held: DeferralReason,
    due: datetime | None,
    until: datetime | None,
    started: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """Record that a send is deferred: why (`held`), until when, and when it is tried again (`due`).

    The deferrals of a visit are its fact `held`, a list of `{why, until}`. A deferral that goes on
    is one entry of the list, and so are retries that follow each other.
    """
    now = {"why": held, "until": until and until.astimezone(UTC).isoformat()}
    await execute(
        conn,
        _DEFER,
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

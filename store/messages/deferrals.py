"""Sends that stand still: why and until when, and what decides how long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.protocol.deferrals import DeferralReason


async def record_deferral(
    conn: AsyncConnection[Any],
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

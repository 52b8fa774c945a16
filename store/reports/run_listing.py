"""Runs as readers see them: a page of them, or one with its visits. Shapes are those of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from journeys.protocol.names import workflow_id
from store.contacts.rows import find_contact
from store.reports.goal_counts import read_goal

PAGE = 50
"""Runs of a page unless asked otherwise."""


class BadCursor(ValueError):
    """A cursor that no page has given."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor[:50]!r} is no cursor: give the `next` of the page before")


# The states of a journey's runs are read one by one: each is in order in its index.
_BY_STATE = """
select r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact, r.state,
       r.step, r.outcome, r.reason, r.started_at, r.ended_at
from unnest(%(states)s::text[]) as s(state)
cross join lateral (
    select * from run
    where run.state = s.state and run.journey = %(journey)s
      and (%(step)s::text is null or run.step = %(step)s::text)
      and (%(before)s::uuid is null or run.id < %(before)s::uuid)
    order by run.id desc limit %(limit)s
) r
join contact c on c.id = r.contact_id
order by r.id desc limit %(limit)s
"""
_BY_ID = """
select r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact, r.state,
       r.step, r.outcome, r.reason, r.started_at, r.ended_at
from run r join contact c on c.id = r.contact_id
where r.state = any(%(states)s)
  and (%(contact)s::uuid is null or r.contact_id = %(contact)s::uuid)
  and (%(journey)s::text is null or r.journey = %(journey)s::text)
  and (%(step)s::text is null or r.step = %(step)s::text)
  and (%(before)s::uuid is null or r.id < %(before)s::uuid)
order by r.id desc limit %(limit)s
"""
_ONE = """
select r.id, r.journey, r.version, coalesce(c.external_id, c.id::text) as contact, r.state,
       r.step, r.outcome, r.reason, r.started_at, r.ended_at
from run r join contact c on c.id = r.contact_id where r.id = %s
"""
_VISITS = """
select step, kind, visit, outcome, started_at, ended_at, message_id, facts, due_at, held
from visit where run_id = %s order by visit
"""


async def list_runs(
    conn: AsyncConnection[Any],
    *,
    contact: str | None = None,
    journey: str | None = None,
    state: Literal["active", "ended"] | None = None,
    step: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> dict[str, Any]:
    """A page of runs, the newest first: `{items: [run], next}`.

    A run is `{id, workflow_id, journey, version, contact, state, step, outcome, reason, started_at,
    ended_at}`; `next` is the cursor of the page after it, or None.

    Args:
        contact: an external id, or an id of ours; one that nobody has gives an empty page.
        step: where the run stands, or stood last.

    Raises:
        BadCursor: the cursor comes from nowhere.
    """
    contact_id: UUID | None = None
    if contact is not None:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            return {"items": [], "next": None}
    params = {
        "contact": contact_id,
        "journey": journey,
        "states": [state] if state else ["active", "ended"],
        "step": step,
        "before": _parse_cursor(cursor) if cursor else None,
        # One more than asked tells whether there is a page after this one.
        "limit": limit + 1,
    }
    statement = _BY_STATE if journey is not None and contact_id is None else _BY_ID
    async with conn.cursor(row_factory=dict_row) as reading:
        await reading.execute(statement, params)
        rows = await reading.fetchall()
    items = [_run(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(rows) > limit else None}


async def show_run(conn: AsyncConnection[Any], run_id: UUID) -> dict[str, Any] | None:
    """A run with `goal: {met_at, value}` and `visits: [{step, kind, visit, outcome, started_at,
    ended_at, message_id, facts, due_at, held}]` in their order; None if there is no such run.

    `goal` is None without one, its parts until it is met. `due_at` is when a wait or a hold ends by
    itself, `held` why a send stands still.
    """
    async with conn.cursor(row_factory=dict_row) as reading:
        await reading.execute(_ONE, (run_id,))
        row = await reading.fetchone()
        if row is None:
            return None
        await reading.execute(_VISITS, (run_id,))
        visits = await reading.fetchall()
    goal = await read_goal(conn, run_id)
    return {
        **_run(row),
        "goal": None if goal is None else _written(goal),
        "visits": [_written(visit) for visit in visits],
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    written = _written(row)
    identified = {
        "id": written.pop("id"),
        "workflow_id": workflow_id(row["journey"], row["id"]),
    }
    return identified | written


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON has it: times in RFC 3339 and UTC, ids as text."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def _parse_cursor(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor(cursor) from None

"""Goals as readers see them: of one run, and counted for a journey."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def read_goal(conn: AsyncConnection[Any], run_id: UUID) -> dict[str, Any] | None:
    """A run's goal as `{met_at, value}`, both None until it is met; None if it has none."""
    cursor = await conn.execute("select met_at, value from goal where run_id = %s", (run_id,))
    row = await cursor.fetchone()
    return None if row is None else {"met_at": row[0], "value": _number(row[1])}


# A run that another stands for would count the same event a second time.
_COUNTED = """
from run r join goal g on g.run_id = r.id
where r.journey = %(journey)s and g.met_event_id is not null
  and (%(version)s::integer is null or r.version = %(version)s::integer)
  and r.outcome is distinct from 'restarted' and r.outcome is distinct from 'merged'
"""


async def count_goals(
    conn: AsyncConnection[Any], journey: str, version: int | None
) -> dict[str, Any]:
    """How many runs of a journey met their goal, and the sum of what it was worth: `{met, value}`.

    Runs that ended `restarted` or `merged` are left out: another run stands for each.
    """
    cursor = await conn.execute(
        f"select count(*), coalesce(sum(g.value), 0) {_COUNTED}",
        {"journey": journey, "version": version},
    )
    row = await cursor.fetchone()
    assert row is not None
    return {"met": row[0], "value": _number(row[1])}


async def count_goals_by_arm(
    conn: AsyncConnection[Any], journey: str, version: int | None
) -> dict[str, dict[str, int]]:
    """For each split, by its arms, how many of the runs that took them met their goal."""
    cursor = await conn.execute(
        "select v.step, v.outcome, count(distinct v.run_id) from visit v"
        " where v.kind = 'split' and v.outcome <> 'skipped'"
        f" and v.run_id in (select r.id {_COUNTED})"
        " group by v.step, v.outcome order by v.step, v.outcome",
        {"journey": journey, "version": version},
    )
    counted: dict[str, dict[str, int]] = {}
    for step, arm, count in await cursor.fetchall():
        counted.setdefault(step, {})[arm] = count
    return counted


def _number(value: Decimal | None) -> int | float | None:
    """As JSON has it."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)

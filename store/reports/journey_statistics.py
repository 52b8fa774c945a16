"""How many runs of a journey reached each step, what became of them there, and how they ended."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from journeys.model.journey import Journey
from store.reports.goal_counts import count_goals, count_goals_by_arm

_VERSION = """
select v.document from journey j
join journey_version v on v.journey = j.key and v.version = coalesce(
    %(version)s::integer,
    j.active_version,
    (select max(newest.version) from journey_version newest where newest.journey = j.key)
)
where j.key = %(journey)s
"""
_RUNS = """
select state, outcome, count(*) from run
where journey = %(journey)s and (%(version)s::integer is null or version = %(version)s::integer)
group by state, outcome order by outcome
"""
# A call to a webhook that went well is a message that was sent.
_STEPS = """
select v.step, max(v.kind) as kind,
       count(*) as reached,
       count(*) filter (where v.outcome is null and r.state = 'active') as waiting,
       count(*) filter (
           where v.outcome = 'sent' or (v.kind = 'webhook' and v.outcome = 'ok')
       ) as sent,
       count(*) filter (where v.outcome = 'failed') as failed,
       count(*) filter (where v.outcome = 'unknown') as unknown,
       count(m.opened_at) as opened,
       count(m.clicked_at) as clicked,
       count(v.outcome) as "left"
from run r
join visit v on v.run_id = r.id
left join message m on m.run_id = v.run_id and m.visit = v.visit
where r.journey = %(journey)s
  and (%(version)s::integer is null or r.version = %(version)s::integer)
group by v.step order by v.step
"""
_OUTCOMES = """
select v.step, v.outcome,
       case when v.outcome = 'skipped' then coalesce(v.facts ->> 'reason', 'if') end as reason,
       count(*) as count
from run r join visit v on v.run_id = r.id
where r.journey = %(journey)s and v.outcome is not null
  and (%(version)s::integer is null or r.version = %(version)s::integer)
group by 1, 2, 3 order by 1, 2, 3
"""
_COUNTS = ("reached", "waiting", "sent", "failed", "unknown", "opened", "clicked", "left")


async def journey_statistics(
    conn: AsyncConnection[Any], journey: str, version: int | None = None
) -> dict[str, Any] | None:
    """A journey's counts, of one version or of all together; None if there is no such one.

    Returns `{journey, version, entered, active, steps: [{id, kind, reached, waiting, sent, skipped:
    {REASON: n}, failed, unknown, opened, clicked, left, outcomes: {OUTCOME: n}}], ends:
    {OUTCOME: n}, goal: {met, value}}`. Steps count visits, so a loop counts each time around:
    `reached` all of them, `waiting` those where an active run stands now, `left` those with an
    outcome. They come in the order of the document (the version asked for, else the active or
    newest one), then those that only other versions have. A split also has `goals: {ARM: n}`, the
    runs of each arm that met their goal.
    """
    params = {"journey": journey, "version": version}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_VERSION, params)
        found = await cursor.fetchone()
        if found is None:
            return None
        await cursor.execute(_STEPS, params)
        visited = {row.pop("step"): row for row in await cursor.fetchall()}
        await cursor.execute(_OUTCOMES, params)
        skipped: dict[str, dict[str, int]] = {}
        outcomes: dict[str, dict[str, int]] = {}
        for row in await cursor.fetchall():
            of_step = outcomes.setdefault(row["step"], {})
            of_step[row["outcome"]] = of_step.get(row["outcome"], 0) + row["count"]
            if row["reason"] is not None:
                skipped.setdefault(row["step"], {})[row["reason"]] = row["count"]
        await cursor.execute(_RUNS, params)
        runs = await cursor.fetchall()
    goal = await count_goals(conn, journey, version)
    by_arm = await count_goals_by_arm(conn, journey, version) if goal["met"] else {}
    document = Journey.model_validate(found["document"])
    kinds: dict[str, str] = {step.id: step.kind for step in document.all_steps()}
    kinds |= {step: row["kind"] for step, row in visited.items() if step not in kinds}
    return {
        "journey": journey,
        "version": version,
        "entered": sum(row["count"] for row in runs),
        "active": sum(row["count"] for row in runs if row["state"] == "active"),
        "steps": [
            {
                **_step(step, kind, visited.get(step, {}), skipped.get(step, {})),
                "outcomes": outcomes.get(step, {}),
                **({"goals": by_arm.get(step, {})} if kind == "split" else {}),
            }
            for step, kind in kinds.items()
        ],
        "ends": {row["outcome"]: row["count"] for row in runs if row["state"] == "ended"},
        "goal": goal,
    }


def _step(step: str, kind: str, counts: dict[str, Any], skipped: dict[str, int]) -> dict[str, Any]:
    counted = {name: counts.get(name, 0) for name in _COUNTS}
    return {
        "id": step,
        "kind": kind,
        "reached": counted["reached"],
        "waiting": counted["waiting"],
        "sent": counted["sent"],
        "skipped": skipped,
        **{name: counted[name] for name in ("failed", "unknown", "opened", "clicked", "left")},
    }

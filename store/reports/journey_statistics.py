"""Statistics of a journey: visits and their outcomes by step, and how runs ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg import AsyncConnection

from journeys.model.journey import Journey
from journeys.model.outcomes import REPLACED
from store.counters.removed import RemovedCounts, read_removed
from store.reports.goal_counts import GoalCounts, count_goals, count_goals_by_arm
from store.runs.replaced import NOT_REPLACED
from store.sql import fetch_all, fetch_all_as, fetch_value, sql

_DOCUMENT = sql(
    """
    select v.document from journey j
    join journey_version v on v.journey = j.key and v.version = coalesce(
        %(version)s::integer,
        j.active_version,
        (select max(newest.version) from journey_version newest where newest.journey = j.key)
    )
    where j.key = %(journey)s
    """
)
_RUNS = sql(
    """
    select r.state, r.outcome, {kept} as kept, count(*) from run r
    where r.journey = %(journey)s
      and (%(version)s::integer is null or r.version = %(version)s::integer)
    group by 1, 2, 3 order by r.outcome
    """,
    kept=NOT_REPLACED,
)
# The arms of a split are compared by the goals of their runs, so both count the same runs. Visits
# of other steps happened, also in a run that was restarted later.
_COUNTED = sql("(v.kind <> 'split' or {kept})", kept=NOT_REPLACED)
# From the third attempt on a send stands between attempts; it is retried during one, too.
_RETRIED = sql("coalesce(m.attempts, 0) >= 3")
# A webhook call that went well counts as a message that was sent.
_STEPS = sql(
    """
    select v.step, max(v.kind) as kind,
           count(*) as reached,
           count(*) filter (where v.outcome is null and r.state = 'active'
               and v.held is null and not {retried}) as waiting,
           count(*) filter (where v.outcome is null and r.state = 'active'
               and v.held <> 'retry') as deferred,
           count(*) filter (where v.outcome is null and r.state = 'active'
               and (v.held = 'retry' or v.held is null and {retried})) as retrying,
           count(*) filter (
               where v.outcome = 'sent' or (v.kind = 'webhook' and v.outcome = 'ok')
           ) as sent,
           count(*) filter (where v.outcome = 'failed') as failed,
           count(*) filter (where v.outcome = 'unknown') as unknown,
           count(m.opened_at) as opened,
           count(m.clicked_at) as clicked,
           count(m.unsubscribed_at) as unsubscribed,
           count(v.outcome) as "left"
    from run r
    join visit v on v.run_id = r.id
    left join message m on m.run_id = v.run_id and m.visit = v.visit
    where r.journey = %(journey)s
      and (%(version)s::integer is null or r.version = %(version)s::integer)
      and {counted}
    group by v.step order by v.step
    """,
    counted=_COUNTED,
    retried=_RETRIED,
)
_OUTCOMES = sql(
    """
    select v.step, v.outcome,
           case when v.outcome = 'skipped' then coalesce(v.facts ->> 'reason', 'if') end as reason,
           count(*) as count
    from run r join visit v on v.run_id = r.id
    where r.journey = %(journey)s and v.outcome is not null
      and (%(version)s::integer is null or r.version = %(version)s::integer)
      and {counted}
    group by 1, 2, 3 order by 1, 2, 3
    """,
    counted=_COUNTED,
)


@dataclass(frozen=True, slots=True)
class VisitCounts:
    """The visits of a step. A loop counts each time around."""

    step: str
    kind: str
    reached: int = 0
    """All visits."""
    waiting: int = 0
    """Visits at which an active run is now, and neither deferred nor retried."""
    deferred: int = 0
    """Sends that wait for another reason than a retry: a pause, a window, a cap."""
    retrying: int = 0
    """Sends that are tried again, from their third attempt on."""
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    """Messages by which their readers left the topic or the channel, and did not undo it."""
    left: int = 0
    """Visits with an outcome."""


@dataclass(frozen=True, slots=True)
class StepStatistics:
    """A step's visits by their results."""

    visits: VisitCounts
    skipped: Mapping[str, int]
    """By reason."""
    outcomes: Mapping[str, int]
    goals: Mapping[str, int] | None
    """Of a split: runs that met their goal, by arm. None for every other step."""


@dataclass(frozen=True, slots=True)
class JourneyStatistics:
    """The statistics of a journey, of one version or of all."""

    journey: str
    version: int | None
    entered: int
    """Entries, each counted once: runs that ended `restarted` or `merged` are left out, because
    another run has replaced them. It is what the goals, and the goals by arm, are a share of."""
    active: int
    steps: list[StepStatistics]
    """In the order of the document (of the version asked for, else of the active or newest one);
    then the steps that only other versions have."""
    ends: Mapping[str, int]
    """Ended runs by outcome, replaced ones as well."""
    goal: GoalCounts


async def journey_statistics(
    conn: AsyncConnection[Any], journey: str, version: int | None = None
) -> JourneyStatistics | None:
    """A journey's statistics, of one version or of all together.

    None if there is no such journey or version.
    """
    parameters = {"journey": journey, "version": version}
    document = await fetch_value(conn, _DOCUMENT, parameters)
    if document is None:
        return None
    visited = {
        each.step: each for each in await fetch_all_as(conn, VisitCounts, _STEPS, parameters)
    }
    outcomes, skipped = await _count_outcomes(conn, parameters)
    runs = await fetch_all(conn, _RUNS, parameters)
    removed = await read_removed(conn, journey, version)
    _add_removed(removed, visited, outcomes, skipped)
    runs += [
        ("ended", each.label, each.label not in REPLACED, each.count) for each in removed.of("run")
    ]
    ends: Counter[str] = Counter()
    for state, outcome, _, count in runs:
        if state == "ended":
            ends[outcome] += count
    goal = await count_goals(conn, journey, version, removed)
    by_arm = await count_goals_by_arm(conn, journey, version, removed) if goal.met else {}
    kinds: dict[str, str] = {
        step.id: step.kind for step in Journey.model_validate(document).all_steps()
    }
    kinds |= {step: counts.kind for step, counts in visited.items() if step not in kinds}
    return JourneyStatistics(
        journey=journey,
        version=version,
        entered=sum(count for *_, kept, count in runs if kept),
        active=sum(count for state, *_, count in runs if state == "active"),
        steps=[
            StepStatistics(
                # Other versions may have a step of this name and of another kind.
                visits=replace(visited.get(step, VisitCounts(step, kind)), kind=kind),
                skipped=skipped.get(step, {}),
                outcomes=outcomes.get(step, {}),
                goals=by_arm.get(step, {}) if kind == "split" else None,
            )
            for step, kind in kinds.items()
        ],
        ends=dict(sorted(ends.items())),
        goal=goal,
    )


def _add_removed(
    removed: RemovedCounts,
    visited: dict[str, VisitCounts],
    outcomes: dict[str, dict[str, int]],
    skipped: dict[str, dict[str, int]],
) -> None:
    """Add the counts of removed runs to those of the rows."""
    kinds = {row.step: row.label for row in removed.of("kind")}
    for row in removed.of("visit"):
        counts = visited.get(row.step) or VisitCounts(row.step, kinds[row.step])
        total = getattr(counts, row.label) + row.count
        visited[row.step] = replace(counts, **{row.label: total})
    for kind, counted in (("outcome", outcomes), ("skipped", skipped)):
        for row in removed.of(kind):
            of_step = counted.setdefault(row.step, {})
            of_step[row.label] = of_step.get(row.label, 0) + row.count


async def _count_outcomes(
    conn: AsyncConnection[Any], parameters: Mapping[str, Any]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """The visits of each step by outcome, and the skipped ones by reason."""
    outcomes: dict[str, dict[str, int]] = {}
    skipped: dict[str, dict[str, int]] = {}
    for step, outcome, reason, count in await fetch_all(conn, _OUTCOMES, parameters):
        of_step = outcomes.setdefault(step, {})
        of_step[outcome] = of_step.get(outcome, 0) + count
        if reason is not None:
            skipped.setdefault(step, {})[reason] = count
    return outcomes, skipped

"""Counts of removed runs: taken over from their rows in the transaction that deletes them.

So the figures of a journey are the same before and after a removal. Kinds of counts:

- `run`: runs by outcome; an active run that is removed counts as `removed`.
- `visit`: visits by step; the label is a column of the statistics (`reached`, `sent`…).
- `kind`: visits by step; the label is the kind of the step.
- `outcome`, `skipped`: visits by step and outcome, and skipped ones by reason.
- `goal`: runs that met their goal, with the sum of the values.
- `arm`: those runs by the arm that they took at a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from journeys.model.outcomes import REPLACED
from store.sql import (
    Connection,
    Sql,
    execute,
    fetch_all_as,
    integer,
    join,
    sql,
    text_list,
    text_literal,
)

VALUE_LIMIT: Final = 10**30
"""The largest value of a goal: beyond any sum of money, and so small that the sum of all values
stays in the range of floating point."""
_VISIT_COUNTS: Final[dict[str, Sql]] = {
    "reached": sql("true"),
    "sent": sql("v.outcome = 'sent' or (v.kind = 'webhook' and v.outcome = 'ok')"),
    "failed": sql("v.outcome = 'failed'"),
    "unknown": sql("v.outcome = 'unknown'"),
    "opened": sql("v.opened_at is not null"),
    "clicked": sql("v.clicked_at is not null"),
    "unsubscribed": sql("v.unsubscribed_at is not null"),
    "left": sql("v.outcome is not null"),
}
_ADD = sql(
    """
with gone as materialized (
    select r.*, coalesce(r.outcome, 'removed') as end_outcome from run r where r.id = any(%(runs)s)
),
visits as materialized (
    select g.journey, g.version, v.step, v.kind, v.outcome, v.facts, m.opened_at, m.clicked_at,
           m.unsubscribed_at
    from gone g
    join visit v on v.run_id = g.id
    left join message m on m.run_id = v.run_id and m.visit = v.visit
    -- As in the statistics: splits do not count the visits of runs that were replaced.
    where v.kind <> 'split' or g.end_outcome not in ({replaced})
),
met as materialized (
    select g.id, g.journey, g.version, goal.value from gone g join goal on goal.run_id = g.id
    where goal.met_event_id is not null and g.end_outcome not in ({replaced})
),
counted as (
    select journey, version, 'run' as kind, '' as step, end_outcome as label,
           count(*) as count, 0::numeric as value
    from gone group by 1, 2, 5
    union all
    select v.journey, v.version, 'visit', v.step, c.label, count(*), 0
    from visits v cross join (values {labels}) c(label)
    where case c.label {tests} end
    group by 1, 2, 4, 5
    union all
    select journey, version, 'kind', step, kind, count(*), 0 from visits group by 1, 2, 4, 5
    union all
    select journey, version, 'outcome', step, outcome, count(*), 0
    from visits where outcome is not null group by 1, 2, 4, 5
    union all
    select journey, version, 'skipped', step, coalesce(facts ->> 'reason', 'if'), count(*), 0
    from visits where outcome = 'skipped' group by 1, 2, 4, 5
    union all
    select journey, version, 'goal', '', '', count(*),
           coalesce(sum(value) filter (where abs(value) <= {most}), 0)
    from met group by 1, 2
    union all
    select met.journey, met.version, 'arm', v.step, v.outcome, count(distinct met.id), 0
    from met join visit v on v.run_id = met.id and v.kind = 'split' and v.outcome <> 'skipped'
    group by 1, 2, 4, 5
)
insert into removed_count (journey, version, kind, step, label, count, value)
select journey, version, kind, step, label, count, value from counted order by 1, 2, 3, 4, 5
on conflict (journey, version, kind, step, label) do update
set count = removed_count.count + excluded.count, value = removed_count.value + excluded.value
""",
    replaced=text_list(REPLACED),
    most=integer(VALUE_LIMIT),
    labels=join(", ", (sql("({label})", label=text_literal(label)) for label in _VISIT_COUNTS)),
    tests=join(
        " ",
        (
            sql("when {label} then coalesce({test}, false)", label=text_literal(label), test=test)
            for label, test in _VISIT_COUNTS.items()
        ),
    ),
)
_READ = sql(
    """
select kind, step, label, sum(count)::bigint as count, sum(value) as value
from removed_count
where journey = %(journey)s and (%(version)s::integer is null or version = %(version)s::integer)
group by 1, 2, 3 order by 1, 2, 3
"""
)


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """One count of removed runs."""

    kind: str
    step: str
    label: str
    count: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class RemovedCounts:
    """The counts of a journey's removed runs, by what they count."""

    rows: Sequence[RemovedRow]

    def of(self, kind: str) -> list[RemovedRow]:
        """The counts of one kind."""
        return [row for row in self.rows if row.kind == kind]


async def add_removed_runs(conn: Connection, run_ids: Sequence[UUID]) -> None:
    """Take over the counts of runs that the caller deletes in the same transaction."""
    if run_ids:
        await execute(conn, _ADD, {"runs": list(run_ids)})


async def read_removed(conn: Connection, journey: str, version: int | None) -> RemovedCounts:
    """The counts of a journey's removed runs, of one version or of all."""
    rows = await fetch_all_as(conn, RemovedRow, _READ, {"journey": journey, "version": version})
    return RemovedCounts(rows)

"""How far the engine is behind: the age of the oldest thing of each kind that is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from store.counters.folding import FOLDED_UNTIL
from store.sql import Connection, fetch_all, integer, sql, text_literal

LagName = Literal[
    "events", "conditions", "segments", "dates", "runs_to_start", "waits", "sends", "claims",
    "calls", "reconciliation", "figures",
]  # fmt: skip

LAGS: Final[dict[LagName, str]] = {
    "events": "recorded events that are not dispatched",
    "conditions": "conditions of waits and exits that are due for a look",
    "segments": "segments that time changes, due to be judged",
    "dates": "entries by date that are due",
    "runs_to_start": "runs whose workflow is not started yet",
    "waits": "waits that are over and have not ended",
    "sends": "deferred sends whose time has come",
    "claims": "calls of providers that are under way",
    "calls": "calls to Temporal that failed and are due again",
    "reconciliation": "the state of Temporal that was reconciled last",
    "figures": "changes of figures that are not in their counters yet; reads add them",
}
"""What each lag is the age of."""

_COUNTED: Final = 10_000
_COUNTED_FIGURES: Final = 1_000_000
"""More are counted no further."""

# Each part reads the beginning of an index, or counts a bounded number of rows from there.
_READ: Final = sql(
    """
with clock as materialized (select parcours.clock() as now)
select name, greatest(extract(epoch from clock.now - oldest), 0)::float8, waiting
from clock cross join lateral (
    select 'events' as name,
           (select e.stamped_at from (select event_id from outbox order by event_id limit 1) o
            join event e on e.id = o.event_id) as oldest,
           (select count(*) from (select from outbox limit %(counted)s) o) as waiting
    union all
    select 'conditions', (select min(due_at) from listener where due_at is not null),
           (select count(*) from (select from listener where due_at <= clock.now
                                  limit %(counted)s) l)
    union all
    select 'segments', (select min(due_at) from segment_due),
           (select count(*) from (select from segment_due where due_at <= clock.now
                                  limit %(counted)s) s)
    union all
    select 'dates', (select look_at from date_entry where attempts = 0 order by look_at limit 1),
           (select count(*) from (select from date_entry where attempts = 0
                                  and look_at <= clock.now limit %(counted)s) d)
    union all
    select 'runs_to_start',
           (select min(started_at) from run
            where state = 'active' and workflow_started_at is null),
           (select count(*) from (select from run where state = 'active'
                                  and workflow_started_at is null limit %(counted)s) r)
    union all
    select 'waits', min(due_at), count(*) from (
        select due_at from visit where outcome is null and due_at <= clock.now and held is null
        order by due_at limit %(counted)s
    ) v
    union all
    select 'sends', min(due_at), count(*) from (
        -- Not `is not null`: by the index of deferrals, all of them would be read.
        select due_at from visit where outcome is null and due_at <= clock.now
          and coalesce(held, '') <> ''
        order by due_at limit %(counted)s
    ) v
    union all
    select 'claims', min(claimed_at), count(*) from (
        select claimed_at from message where state = 'claimed' order by claimed_at
        limit %(counted)s
    ) m
    union all
    select 'calls', min(not_before), count(*) from (
        select not_before from parked_call where not_before <= clock.now order by not_before
        limit %(counted)s
    ) p
    union all
    select 'reconciliation', (select closed_until from sweep_cursor where name = 'closed'), 0
    union all
    select 'figures',
           case when d.waiting > 0
                then (select closed_until from sweep_cursor where name = {folded_until}) end,
           d.waiting
    from (select count(*) as waiting from (select from figure_delta limit {figures}) d) d
) lag
""",
    folded_until=text_literal(FOLDED_UNTIL),
    figures=integer(_COUNTED_FIGURES),
)


@dataclass(frozen=True, slots=True)
class Lag:
    """One kind of work, and how far it is behind."""

    name: LagName
    seconds: float
    """The age of the oldest that is due; 0 if none is."""
    waiting: int
    """How many are due, counted up to 10,000, and of `figures` up to a million; of `reconciliation`
    0."""


async def read_lag(conn: Connection) -> list[Lag]:
    """How far each kind of work is behind, in the order of `LAGS`."""
    rows = await fetch_all(conn, _READ, {"counted": _COUNTED})
    found = {name: Lag(name, seconds or 0.0, waiting) for name, seconds, waiting in rows}
    return [found[name] for name in LAGS]

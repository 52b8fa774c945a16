"""Figures of the engine's state for its metrics, each by an index."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from store.operations.workers import list_workers
from store.sql import Connection, fetch_all, fetch_column, fetch_one_as, sql

_BACKLOG_SHOWN = 100_000
"""A longer outbox is counted no further."""

_STATE = sql("""
select
    coalesce((
        select extract(epoch from parcours.clock() - e.stamped_at)::float8
        from (select event_id from outbox order by event_id limit 1) o
        join event e on e.id = o.event_id
    ), 0) as oldest_undispatched,
    (select count(*) from (select from outbox limit %(shown)s) o) as undispatched,
    (select count(*) from (
        select from outbox where attempts > 0 limit %(shown)s
    ) o) as set_aside,
    (select count(*) from dead_event) as dead_events,
    greatest((
        select extract(epoch from parcours.clock() - min(due_at))::float8 from listener
    ), 0) as conditions_late,
    greatest((
        select extract(epoch from parcours.clock() - min(due_at))::float8 from segment_due
        where lane = 0
    ), 0) as segments_late,
    greatest((
        select extract(epoch from parcours.clock() - min(look_at))::float8
        from date_entry where attempts = 0
    ), 0) as dates_late,
    (select count(*) from (
        select from segment_due where lane > 0 limit %(shown)s
    ) d) as segments_behind,
    (select count(*) from segment where state = 'filling') as segments_filling,
    (select count(*) from (
        select from figure_delta limit %(shown)s
    ) d) as unfolded_figures,
    (select count(*) from (select from text_answer limit 10000) t) as unread_text_answers,
    coalesce((
        select extract(epoch from parcours.clock() - min(started_at))::float8
        from job where state = 'running' and paused_at is null
    ), 0) as jobs_oldest,
    coalesce((
        select extract(epoch from parcours.clock() - min(started_at))::float8
        from job where state = 'running' and workflow_started_at is null
    ), 0) as jobs_not_begun,
    coalesce((
        select extract(epoch from parcours.clock() - closed_until)::float8
        from sweep_cursor where name = 'closed'
    ), 0) as reconciliation_age
""")
_ACTIVE_RUNS = sql("""
select case when place <= 200 then journey else 'other' end, sum(runs)::bigint
from (
    select journey, count(*) as runs, row_number() over (order by count(*) desc, journey) as place
    from run where state = 'active' group by journey
) counted group by 1
""")
_DEFERRED = sql("""
select held, count(*) from visit where held is not null and outcome is null group by held
""")
_MESSAGES = sql("""
select channel, state, count(*) from message where state = 'claimed' group by channel, state
union all
select channel, state, count(*) from message where state = 'unknown' group by channel, state
""")
_PARKED = sql("select kind, count(*) from parked_call where attempts > 0 group by kind")

_JOBS = sql("""
select kind, case when paused_at is null then 'running' else 'paused' end, count(*), sum(done)
from job where state = 'running' group by 1, 2
""")
_COUPONS = sql("""
select p.key, (
    select count(*) from (
        select from coupon c where c.pool = p.key and c.drawn_at is null limit 1000
    ) codes
) as codes
from coupon_pool p order by codes, p.key limit 100
""")
_CORRECTED = sql("select key, corrected from segment where corrected > 0")
_FROZEN = sql("select distinct channel from marketing_freeze where ended_at is null")


@dataclass(frozen=True)
class EngineState:
    """The backlog of dispatch, and the age of the reconciliation."""

    oldest_undispatched: float
    """Seconds since the oldest undispatched event was recorded; 0 without one."""
    undispatched: int
    """Events in the outbox, counted up to 100,000."""
    set_aside: int
    """Events of these that failed alone and are tried again."""
    dead_events: int
    conditions_late: float
    """Seconds since the earliest due time of a condition that has not been looked at; 0 if none is
    due."""
    segments_late: float
    """Seconds since the earliest due time of a segment that was not judged; 0 if none is due."""
    dates_late: float
    """Seconds since the earliest entry by date was due that was not drained; 0 if none is due."""
    segments_behind: int
    """Contacts and segments whose judging was put off, or failed, counted up to 100,000."""
    segments_filling: int
    """Segments by which not every contact was judged yet."""
    unfolded_figures: int
    """Deltas of figures that are not folded into counters, counted up to 100,000."""
    unread_text_answers: int
    """Answers by text message that no worker has taken yet, counted up to 10,000."""
    jobs_oldest: float
    """Seconds since the oldest running job that is not paused began; 0 without one."""
    jobs_not_begun: float
    """Seconds since the oldest job was made whose workflow was not started; 0 without one."""
    reconciliation_age: float
    """Seconds since the state of Temporal that was reconciled last."""


@dataclass(frozen=True)
class EngineFigures:
    """The figures of one moment."""

    state: EngineState
    active_runs: dict[str, int]
    """By journey."""
    deferred_sends: dict[str, int]
    """By reason; `retry` are the sends that are being retried."""
    messages: dict[tuple[str, str], int]
    """Messages without a final state, by channel and state."""
    parked_calls: dict[str, int]
    """Calls for runs that failed and are made again: `start`, `stop`, `wake` or `goal`."""
    frozen: frozenset[str]
    """Channels on which no marketing goes out; `all` is all of them."""
    corrected: dict[str, int]
    """Members that were wrong at the last check, by segment."""
    jobs: dict[tuple[str, str], int]
    """Jobs that are not done, by kind and whether they are `running` or `paused`."""
    jobs_done: dict[str, int]
    """What the running jobs of each kind have done, together."""
    coupons: dict[str, int]
    """Codes that are left, counted up to 1,000, by pool: of the 100 pools with the fewest."""
    workers: dict[str, int]
    """Worker processes that were seen within the last minute, by build."""


async def read_figures(conn: Connection) -> EngineFigures:
    """The figures now."""
    state = await fetch_one_as(conn, EngineState, _STATE, {"shown": _BACKLOG_SHOWN})
    assert state is not None
    jobs = await fetch_all(conn, _JOBS)
    workers = await list_workers(conn)
    return EngineFigures(
        state,
        dict(await fetch_all(conn, _ACTIVE_RUNS)),
        dict(await fetch_all(conn, _DEFERRED)),
        {
            (channel, message_state): count
            for channel, message_state, count in await fetch_all(conn, _MESSAGES)
        },
        dict(await fetch_all(conn, _PARKED)),
        frozenset(await fetch_column(conn, _FROZEN)),
        dict(await fetch_all(conn, _CORRECTED)),
        {(kind, state): number for kind, state, number, _ in jobs},
        {kind: done for kind, state, _, done in jobs if state == "running"},
        dict(await fetch_all(conn, _COUPONS)),
        Counter(each.build for each in workers),
    )

"""Figures of the engine's state for its metrics, each by an index."""

from __future__ import annotations

from dataclasses import dataclass

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
    (select count(*) from (
        select from segment_due where lane > 0 limit %(shown)s
    ) d) as segments_behind,
    (select count(*) from segment where state = 'filling') as segments_filling,
    (select count(*) from (select from figure_delta limit %(shown)s) d) as figures_unfolded,
    coalesce((
        select extract(epoch from parcours.clock() - closed_until)::float8
        from sweep_cursor where name = 'closed'
    ), 0) as reconciliation_age
""")
_ACTIVE_RUNS = sql("""
select journey, count(*) from run where state = 'active' group by journey
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
    segments_behind: int
    """Contacts and segments whose judging was put off, or failed, counted up to 100,000."""
    segments_filling: int
    """Segments by which not every contact was judged yet."""
    figures_unfolded: int
    """Changes of figures that are not folded into counters, counted up to 100,000."""
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


async def read_figures(conn: Connection) -> EngineFigures:
    """The figures now."""
    state = await fetch_one_as(conn, EngineState, _STATE, {"shown": _BACKLOG_SHOWN})
    assert state is not None
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
    )

"""Figures of dispatch: how late it is, and what is set aside, retried or dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store.sql import Connection, fetch_all, fetch_one_as, sql

_FIGURES = sql("""
select (select extract(epoch from parcours.clock() - e.stamped_at)::float8
        from outbox o join event e on e.id = o.event_id order by o.event_id limit 1)
           as oldest_seconds,
       (select count(*) from outbox) as undispatched,
       (select count(*) from outbox where not_before > parcours.clock() or attempts > 0)
           as set_aside,
       (select count(*) from dead_event) as dead,
       (select closed_until from sweep_cursor where name = 'closed') as reconciled_until
""")
_PARKED = sql("select kind, count(*) from parked_call where attempts > 0 group by kind")
_FAULTS = sql("""
select activity, code, count(*) from fault
where happened_at > parcours.clock() - interval '1 hour' group by activity, code
""")


@dataclass(frozen=True)
class DispatchFigures:
    """The state of dispatch, for metrics."""

    oldest_seconds: float | None
    """The age of the oldest event that is not dispatched; None if there is none."""
    undispatched: int
    set_aside: int
    """Events that failed alone and are tried again."""
    dead: int
    reconciled_until: datetime | None
    """Up to when closed workflows have been checked."""


async def read_dispatch_figures(conn: Connection) -> DispatchFigures:
    """The state of dispatch now."""
    found = await fetch_one_as(conn, DispatchFigures, _FIGURES)
    assert found is not None
    return found


async def count_parked_calls(conn: Connection) -> dict[str, int]:
    """Calls that failed and are made again: by kind (`start`, `stop`, `wake`, `goal`)."""
    return dict(await fetch_all(conn, _PARKED))


async def count_faults(conn: Connection) -> dict[tuple[str, str], int]:
    """Subjects with a fault in the last hour, by the part of the engine and the code."""
    return {(part, code): count for part, code, count in await fetch_all(conn, _FAULTS)}

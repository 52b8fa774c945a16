"""The horizon of the log: up to when everything that was recorded can be seen.

Transactions commit in another order than they record. A follower that went up to the latest time
that it sees would miss what was recorded earlier and is committed later. So it goes up to the
horizon: no transaction that is still open began before it, and a row's time is taken within its
transaction. The same holds for the ids of events, with the last id that was drawn at an earlier
look.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from store.sql import Connection, fetch_one, fetch_value, sql

SILENT: Final = timedelta(seconds=10)
"""A transaction that has written nothing for so long only reads."""

# The clock is read before the transactions are: one that begins between the two is later than it.
_CLOCK: Final = sql("""
select clock_timestamp(), case when is_called then last_value else 0 end from event_id_seq
""")
# A transaction has an id once it has written. One without may be about to: what it draws and stamps
# before is no earlier than its own beginning, or than that of its statement.
_OPEN: Final = sql("""
select min(case when backend_xid is not null then xact_start
                when xact_start > %(now)s - %(silent)s::interval then xact_start
                when state = 'active' and query_start > %(now)s - %(silent)s::interval
                    then query_start end),
       bool_or(query = '<insufficient privilege>' or state = 'disabled')
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and coalesce(backend_type, '') not in ('autovacuum worker', 'walsender')
""")
# Ids are drawn before times are taken, so the events up to the one that is found are earlier than
# any that a transaction may still commit, which began after the instant.
_EVENT_AT: Final = sql("""
with recursive halves(low, high, n) as (
    -- From 0, and not from the first event that is seen: an earlier one may be committed later.
    select 0::bigint, coalesce((select max(id) from event), 0), 0
    union all
    select case when found.earlier then found.id else h.low end,
           case when found.earlier then h.high else half.id - 1 end,
           h.n + 1
    from halves h
    cross join lateral (select (h.low + h.high + 1) / 2 as id) half
    left join lateral (
        select e.id, e.stamped_at < %(at)s as earlier from event e
        where e.id >= half.id and e.id <= h.high order by e.id limit 1
    ) found on true
    where h.low < h.high and h.n < 100
)
select low from halves order by n desc limit 1
""")


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where everything that was recorded can be seen."""

    at: datetime
    """Before this instant, all of it."""
    event: int
    """Events up to this id."""
    now: datetime
    """When it was looked at."""


async def event_id_at(conn: Connection, at: datetime) -> int:
    """The id of an event recorded before an instant whose next one was not; 0 if there is none."""
    return int(await fetch_value(conn, _EVENT_AT, {"at": at}))


@dataclass(slots=True)
class HorizonWatch:
    """Looks at the horizon again and again, and remembers the ids of events that were drawn."""

    _drawn: deque[tuple[datetime, int]] = field(default_factory=deque)
    """Instants, and the last id that had been drawn by then."""
    _settled: int = 0
    """No transaction that is still open has drawn an id up to this one."""

    async def look(self, conn: Connection) -> Horizon:
        """The horizon now. What is read after it on any connection sees all that is before it.

        A session whose transactions are hidden from this role counts as one that is open for as
        long as a transaction that writes may take.
        """
        row = await fetch_one(conn, _CLOCK)
        assert row is not None
        now, drawn = row
        opened = await fetch_one(conn, _OPEN, {"now": now, "silent": SILENT})
        assert opened is not None
        earliest, hidden = opened
        at: datetime = now if earliest is None else min(now, earliest)
        if hidden:
            at = min(at, now - SILENT)
        while self._drawn and self._drawn[0][0] < at:
            self._settled = self._drawn.popleft()[1]
        # While one transaction stays open for long, nothing new can be settled by more looks.
        if len(self._drawn) < 1_000:
            self._drawn.append((now, drawn))
        return Horizon(at, self._settled, now)

"""Folding: deltas are moved into counters, so that each is counted once, also if a process dies.

A fold is one transaction: the deltas that it deletes are in the counters when it commits, and are
still deltas if it does not. A reader adds both in one statement, and sees neither twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from store.counters.facts import TARGETED
from store.counters.spans import COUNTED, SPANS
from store.sql import Connection, fetch_value, sql, text_literal

DELTAS: Final = 20_000
"""Deltas that one fold takes, at most."""
BACKLOG: Final = 100_000
"""Deltas that one fold takes, at most, while more wait than one fold takes."""
FOLDED_UNTIL: Final = "figures"
"""The cursor of `sweep_cursor` that says when no delta waited, give or take five seconds."""

# One folds at a time; the others have nothing to wait for.
_ALONE = sql("select pg_try_advisory_xact_lock(hashtextextended('fold figures', 0))")
# The set of a day says who is new on it.
_FOLD = sql(
    """
with taken as materialized (
    delete from figure_delta where ctid = any(array(
        select ctid from figure_delta limit %(limit)s))
    returning *
),
targeted as materialized (
    select distinct date_trunc('day', at, %(zone)s) as day, targeted as contact_id
    from taken where targeted is not null
),
new as (
    insert into targeted_contact (contact_id, day) select contact_id, day from targeted
    on conflict do nothing returning day
),
counted as (
    select journey, version, step, fact, label, at, last_at, entered_at, count, value, removed
    from taken
    union all
    select '', 0, '', {targeted}, '', day, null, day, count(*), 0, false from new group by day
),
folded as (
    select c.journey, s.span, s.cohort, c.removed, s.begins_at, c.version, c.step, c.fact, c.label,
           sum(c.count) as count, sum(c.value) as value,
           min(c.at) filter (where c.fact = 'outcome' and c.count > 0) as first_at,
           max(coalesce(c.last_at, c.at)) filter (where c.fact = 'outcome' and c.count > 0)
               as last_at
    from counted c {spans}
    where {spanned}
      -- Those of older quarters are removed, so they are not begun again.
      and (s.span <> 'quarter' or %(keep)s::interval is null
           or s.begins_at >= (select parcours.clock() - %(keep)s::interval))
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    having sum(c.count) <> 0 or sum(c.value) <> 0
),
added as (
    insert into figure as f (journey, span, cohort, removed, begins_at, version, step, fact, label,
                             count, value, first_at, last_at)
    select * from folded
    on conflict (journey, span, cohort, removed, begins_at, version, step, fact, label) do update
    set count = f.count + excluded.count, value = f.value + excluded.value,
        first_at = least(f.first_at, excluded.first_at),
        last_at = greatest(f.last_at, excluded.last_at)
),
progress as (
    insert into sweep_cursor as c (name, closed_until) values ({folded_until}, parcours.clock())
    on conflict (name) do update set closed_until = excluded.closed_until
    where c.closed_until < excluded.closed_until - interval '5 seconds'
      and (select count(*) from taken) < %(limit)s
)
select count(*) from taken
""",
    targeted=text_literal(TARGETED),
    spans=SPANS,
    spanned=COUNTED,
    folded_until=text_literal(FOLDED_UNTIL),
)
_WAITING = sql("select count(*) from (select from figure_delta limit %(limit)s) d")


async def fold(
    conn: Connection, zone: str, *, limit: int = DELTAS, keep: timedelta | None = None
) -> int:
    """Move some deltas into counters, whose days are those of `zone`; how many there were.

    0 as well if another process is at it. `keep`: how long counters of quarters of an hour are
    kept; older ones are not made. None: they are kept for good.
    """
    async with conn.transaction():
        if not await fetch_value(conn, _ALONE):
            return 0
        wanted = {"zone": zone, "limit": limit, "keep": keep}
        return int(await fetch_value(conn, _FOLD, wanted) or 0)


async def fold_all(conn: Connection, zone: str) -> None:
    """Fold until nothing is left, or another process is at it."""
    while await fold(conn, zone):
        pass


async def unfolded(conn: Connection, *, at_most: int = 1_000_000) -> int:
    """How many deltas wait to be folded."""
    return int(await fetch_value(conn, _WAITING, {"limit": at_most}))

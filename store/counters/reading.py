"""Reading of counters, with what is not folded yet, in one statement: exact at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from store.counters.facts import IN_JOURNEYS, TARGETED
from store.counters.spans import SPANS
from store.sql import Connection, fetch_all_as, sql, text_literal
from store.tables.figures import Cohort, Span

By = Literal["hour", "day"]
"""What a period is divided into."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One counted fact of a journey."""

    standing: bool
    """Of all time, for what stands now; else of the period."""
    begins_at: datetime | None
    """Of the hour or day, if the period is divided."""
    version: int
    step: str
    fact: str
    label: str
    count: int
    value: Decimal
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Period:
    """From one instant until another, which is not part of it; None: without an end."""

    begins_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def is_all_time(self) -> bool:
        """Whether it has neither end."""
        return self.begins_at is None and self.ends_at is None


_WANTED: Final = sql(
    """
    (values (false, %(span)s::text, %(cohort)s::text,
             coalesce(%(begins_at)s::timestamptz, '-infinity'),
             coalesce(%(ends_at)s::timestamptz, 'infinity')),
            (true, 'total', 'occurrence', '-infinity'::timestamptz, 'infinity'::timestamptz)
    ) w(standing, span, cohort, begins_at, ends_at)
    """
)
_CELLS: Final = sql(
    """
select standing,
       case when not standing and %(by)s::text is not null
            then date_trunc(%(by)s, begins_at, %(zone)s) end as begins_at,
       version, step, fact, label,
       sum(count)::bigint as count, sum(value) as value,
       min(first_at) as first_at, max(last_at) as last_at
from (
    select w.standing, f.begins_at, f.version, f.step, f.fact, f.label, f.count, f.value,
           f.first_at, f.last_at
    from {wanted}
    cross join lateral (
        select * from figure f
        where f.journey = %(journey)s and f.span = w.span and f.cohort = w.cohort
          and not f.removed and f.begins_at >= w.begins_at and f.begins_at < w.ends_at
    ) f
    union all
    select w.standing, s.begins_at, c.version, c.step, c.fact, c.label, c.count, c.value,
           case when c.fact = 'outcome' and c.count > 0 then c.at end,
           case when c.fact = 'outcome' and c.count > 0 then coalesce(c.last_at, c.at) end
    from figure_delta c {spans}
    join {wanted} on w.span = s.span and w.cohort = s.cohort
        and s.begins_at >= w.begins_at and s.begins_at < w.ends_at
    where c.journey = %(journey)s and not c.removed
) counted
where %(version)s::integer is null or version = %(version)s::integer
group by 1, 2, 3, 4, 5, 6
having sum(count) <> 0 or sum(value) <> 0
order by 1, 2, 3, 4, 5, 6
""",
    wanted=_WANTED,
    spans=SPANS,
)


async def read_cells(
    conn: Connection,
    journey: str,
    *,
    version: int | None,
    period: Period,
    cohort: Cohort,
    by: By | None,
    zone: str,
    whole_days: bool,
) -> list[Cell]:
    """What was counted of a journey in a period, and of all time for what stands now.

    `whole_days`: the period begins and ends with a day of `zone`, so counters of days will do.
    """
    span: Span = "total" if period.is_all_time else "quarter"
    if by == "hour":
        span = "quarter"
    elif whole_days and (by is not None or not period.is_all_time):
        span = "day"
    return await fetch_all_as(
        conn,
        Cell,
        _CELLS,
        {
            "journey": journey,
            "version": version,
            "span": span,
            # All time is the same for either.
            "cohort": "occurrence" if span == "total" else cohort,
            "begins_at": period.begins_at,
            "ends_at": period.ends_at,
            "by": by,
            "zone": zone,
        },
    )


@dataclass(frozen=True, slots=True)
class DayCell:
    """One counted fact of one day, of one journey or of the installation."""

    journey: str
    begins_at: datetime | None
    """Of the day; None for what stands now."""
    standing: bool
    fact: str
    label: str
    count: int
    value: Decimal


_DAYS: Final = sql(
    """
select journey, begins_at, standing, fact, label, sum(count)::bigint as count, sum(value) as value
from (
    select f.journey, f.begins_at, false as standing, f.fact, f.label, f.count, f.value
    from figure f
    where f.span = 'day' and f.cohort = 'occurrence' and not f.removed
      and f.begins_at >= %(begins_at)s and f.begins_at < %(ends_at)s
      and f.fact = any(%(facts)s)
    union all
    select f.journey, null, true, f.fact, '', f.count, f.value
    from (select key from journey union all select '') j
    join figure f on f.journey = j.key and f.span = 'total' and f.cohort = 'occurrence'
      and not f.removed and f.fact = any(%(standing)s)
    union all
    select c.journey, case when s.span = 'day' then s.begins_at end,
           s.span = 'total', c.fact, case when s.span = 'day' then c.label else '' end,
           c.count, c.value
    from figure_delta c {spans}
    where not c.removed and s.cohort = 'occurrence'
      and (s.span = 'day' and s.begins_at >= %(begins_at)s and s.begins_at < %(ends_at)s
               and c.fact = any(%(facts)s)
           or s.span = 'total' and c.fact = any(%(standing)s))
    union all
    -- Who was targeted and is in no day's set yet.
    select '', t.day, false, {targeted}, '', count(*), 0
    from (
        select distinct date_trunc('day', at, %(zone)s) as day, targeted as contact_id
        from figure_delta where targeted is not null
          and at >= %(begins_at)s and at < %(ends_at)s
    ) t
    where not exists (
        select from targeted_contact k where k.contact_id = t.contact_id and k.day = t.day
    )
    group by t.day
) counted
group by 1, 2, 3, 4, 5
having sum(count) <> 0 or sum(value) <> 0
order by 1, 2, 4, 5
""",
    targeted=text_literal(TARGETED),
    spans=SPANS,
)
_STANDING: Final = (
    IN_JOURNEYS,
    "entered",
    "replaced",
    "ended",
    "reached",
    "outcome",
    "held",
    "retrying",
    "left_open",
)


async def read_days(
    conn: Connection, begins_at: datetime, ends_at: datetime, facts: Sequence[str], zone: str
) -> list[DayCell]:
    """What was counted on each day of a period in all journeys, and what stands now."""
    return await fetch_all_as(
        conn,
        DayCell,
        _DAYS,
        {
            "begins_at": begins_at,
            "ends_at": ends_at,
            "facts": [*facts, TARGETED],
            "standing": list(_STANDING),
            "zone": zone,
        },
    )

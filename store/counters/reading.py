"""Reading of counters, with what is not folded yet, in one statement: exact at any moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

from store.counters.facts import DUE, IN_JOURNEYS, TARGETED
from store.counters.spans import SPANS
from store.sql import Connection, fetch_all_as, sql, text_literal
from store.tables.figures import Cohort, Span

By = Literal["hour", "day"]
"""What a period is divided into."""


@dataclass(slots=True)
class Cell:
    """One counted fact of a journey."""

    version: int
    step: str
    fact: str
    label: str
    count: int
    value: Decimal
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cells:
    """What was counted of a journey."""

    standing: list[Cell]
    """Of all time, for what stands now."""
    counted: list[Cell]
    """Of the period."""
    divided: Mapping[datetime, list[Cell]]
    """The same by the hours or days in which there was anything, oldest first; without the first
    and the last time of outcomes."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One counted fact of a journey, with its counts in each hour or day in which there are any."""

    standing: bool
    version: int
    step: str
    fact: str
    label: str
    count: int
    value: Decimal
    first_at: datetime | None
    last_at: datetime | None
    times: list[int] | None
    """When the hours or days begin, in seconds since 1970; None if the period is not divided."""
    counts: list[int] | None
    values: list[Decimal] | None
    """None: all are zero."""

    def cell(self) -> Cell:
        return Cell(
            self.version, self.step, self.fact, self.label, self.count, self.value, self.first_at,
            self.last_at,
        )  # fmt: skip


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
# The hours and days of a fact come in one row: in rows of their own they would cost more than all
# else. Texts are compared once for each counter, and no more for each of the times.
_CELLS: Final = sql(
    """
select standing, version, step, fact, label, sum(count)::bigint as count, sum(value) as value,
       min(first_at) as first_at, max(last_at) as last_at,
       array_agg(at order by at) filter (where at is not null) as times,
       array_agg(count order by at) filter (where at is not null) as counts,
       case when bool_or(value <> 0)
            then array_agg(value order by at) filter (where at is not null) end as values
from (
    select standing, at, version, step, fact, label, sum(count)::bigint as count,
           sum(value) as value, min(first_at) as first_at, max(last_at) as last_at
    from (
        select w.standing,
               case when not w.standing and %(by)s::text is not null
                    then extract(epoch from date_trunc(%(by)s, f.begins_at, %(zone)s))::bigint
               end as at,
               f.version, f.step, f.fact, f.label, f.count, f.value, f.first_at, f.last_at
        from {wanted}
        cross join lateral (
            select * from figure f
            where f.journey = %(journey)s and f.span = w.span and f.cohort = w.cohort
              and not f.removed and f.begins_at >= w.begins_at and f.begins_at < w.ends_at
              and f.fact <> {due}
              and (%(version)s::integer is null or f.version = %(version)s::integer)
        ) f
        union all
        select w.standing,
               case when not w.standing and %(by)s::text is not null
                    then extract(epoch from date_trunc(%(by)s, s.begins_at, %(zone)s))::bigint
               end,
               c.version, c.step, c.fact, c.label, c.count, c.value,
               case when c.fact = 'outcome' and c.count > 0 then c.at end,
               case when c.fact = 'outcome' and c.count > 0 then coalesce(c.last_at, c.at) end
        from figure_delta c {spans}
        join {wanted} on w.span = s.span and w.cohort = s.cohort
            and s.begins_at >= w.begins_at and s.begins_at < w.ends_at
        where c.journey = %(journey)s and not c.removed and c.fact <> {due}
          and (%(version)s::integer is null or c.version = %(version)s::integer)
    ) counted
    group by 1, 2, 3, 4, 5, 6
    having sum(count) <> 0 or sum(value) <> 0
) divided
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
""",
    wanted=_WANTED,
    spans=SPANS,
    due=text_literal(DUE),
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
) -> Cells:
    """What was counted of a journey in a period, and of all time for what stands now.

    `whole_days`: the period begins and ends with a day of `zone`, so counters of days will do.
    """
    span: Span = "total" if period.is_all_time else "quarter"
    if by == "hour":
        span = "quarter"
    elif whole_days and (by is not None or not period.is_all_time):
        span = "day"
    found = await fetch_all_as(
        conn,
        _Series,
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
    counted = [each for each in found if not each.standing]
    return Cells(
        [each.cell() for each in found if each.standing],
        [each.cell() for each in counted],
        _divided(counted),
    )


def _divided(counted: Iterable[_Series]) -> dict[datetime, list[Cell]]:
    found: defaultdict[int, list[Cell]] = defaultdict(list)
    nothing = Decimal(0)
    for each in counted:
        if each.times is None or each.counts is None:
            continue
        version, step, fact, label = each.version, each.step, each.fact, each.label
        values = each.values or [nothing] * len(each.times)
        for at, count, value in zip(each.times, each.counts, values, strict=True):
            found[at].append(Cell(version, step, fact, label, count, value, None, None))
    return {datetime.fromtimestamp(at, UTC): found[at] for at in sorted(found)}


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
    from {wanted}
    cross join lateral (
        select * from figure f
        where f.span = 'day' and f.cohort = 'occurrence' and not f.removed
          and f.begins_at >= w.since and f.begins_at < %(ends_at)s and f.fact = w.fact
    ) f
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
      and (s.span = 'day' and s.begins_at < %(ends_at)s
               and exists (select from {wanted} where w.fact = c.fact and s.begins_at >= w.since)
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
    wanted=sql("unnest(%(facts)s::text[], %(since)s::timestamptz[]) w(fact, since)"),
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
    conn: Connection,
    begins_at: datetime,
    ends_at: datetime,
    facts: Sequence[str],
    zone: str,
    *,
    last_day: datetime | None = None,
    of_last_day: Sequence[str] = (),
) -> list[DayCell]:
    """What was counted on each day of a period in all journeys, and what stands now.

    `of_last_day` are facts that are read of the last day alone, which begins at `last_day`.
    """
    since = dict.fromkeys((*facts, TARGETED), begins_at)
    since |= dict.fromkeys(of_last_day, last_day or begins_at)
    return await fetch_all_as(
        conn,
        DayCell,
        _DAYS,
        {
            "begins_at": begins_at,
            "ends_at": ends_at,
            "facts": list(since),
            "since": list(since.values()),
            "standing": list(_STANDING),
            "zone": zone,
        },
    )

"""Counts of the arms of a split, by contact; those of many contacts are kept for a while.

Each contact counts once, for the first arm that it took in the versions that have the split alike,
however often it passed the split, and with all that came of its passages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.counters.facts import GOAL_VALUE, IS_MET
from store.reports.experiment_metrics import MESSAGE_METRICS, MessageMetric
from store.reports.experiment_splits import Split
from store.sql import Sql, execute, fetch_all, fetch_one, fetch_value, join, name, sql

MANY: Final = 2_000
"""Visits of a split above which counts are kept."""
_EVERY: Final = timedelta(minutes=1)
"""How old kept counts become at least before they are made again by a worker."""
_PAUSE: Final = 50
"""They become as old as so many times what counting took."""
_LATE: Final = timedelta(minutes=10)
"""By so much later they are counted by who reads them, because no worker has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """What the contacts of an arm came to."""

    contacts: int
    messages: Mapping[MessageMetric, int]
    """Contacts with a result, by metric."""
    goals: int
    """Contacts that met the goal."""
    valued: int
    """Contacts whose goals have a value that is not 0."""
    value: float
    """The sum of the values of all contacts, and of their squares."""
    squares: float


NO_CONTACTS: Final = ArmCounts(
    contacts=0, messages=dict.fromkeys(MESSAGE_METRICS, 0), goals=0, valued=0, value=0, squares=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCounts:
    """What all arms of a split came to."""

    versions: tuple[int, ...]
    arms: Mapping[str, ArmCounts]
    counted_at: datetime
    first_at: datetime | None
    """When the first contact took its arm, and when the last one did."""
    last_at: datetime | None


def _is_reached(metric: MessageMetric) -> Sql:
    if metric == "sent":
        return sql("m.state = 'sent'")
    return sql("m.{at} is not null", at=name(f"{metric}_at"))


_COUNTS: Final = sql(
    """
with passed as materialized (
    -- The first time that each run took an arm.
    select distinct on (v.run_id) v.run_id, v.visit, r.contact_id, v.outcome as arm,
           coalesce(v.ended_at, v.started_at) as at
    from visit v join run r on r.id = v.run_id
    where v.kind = 'split' and v.step = %(step)s and v.outcome = any(%(arms)s)
      and not v.run_ended and r.journey = %(journey)s
      and coalesce(v.version, r.version) = any(%(versions)s)
    order by v.run_id, v.visit
),
placed as (
    select distinct on (contact_id) contact_id, arm, at
    from passed order by contact_id, at, run_id
),
messaged as (
    select p.contact_id, {statuses}
    from passed p join message m on m.run_id = p.run_id and m.visit > p.visit
    where %(sends)s::jsonb is null or (%(sends)s::jsonb -> p.arm) ? m.step
    group by p.contact_id
),
met as (
    select p.contact_id, sum(coalesce({value}, 0))::float8 as value
    from passed p join goal g on g.run_id = p.run_id
    where {is_met} and g.met_at >= p.at
    group by p.contact_id
)
select placed.arm, count(*)::bigint, min(placed.at), max(placed.at),
       count(met.contact_id)::bigint, count(*) filter (where met.value <> 0)::bigint,
       coalesce(sum(met.value), 0), coalesce(sum(met.value * met.value), 0), {counts}
from placed left join messaged using (contact_id) left join met using (contact_id)
group by placed.arm
""",
    statuses=join(
        ", ",
        [
            sql("bool_or({reached}) as {metric}", reached=_is_reached(metric), metric=name(metric))
            for metric in MESSAGE_METRICS
        ],
    ),
    counts=join(
        ", ",
        [
            sql("count(*) filter (where messaged.{metric})::bigint", metric=name(metric))
            for metric in MESSAGE_METRICS
        ],
    ),
    value=GOAL_VALUE,
    is_met=IS_MET,
)
# It reads most of the runs, so rows are not looked up one by one. It leaves the other cores alone.
_OF_MANY: Final = sql(
    """
    select set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true),
           set_config('max_parallel_workers_per_gather', '0', true)
    """
)
_CLOCK: Final = sql("select parcours.clock()")
_VISITS: Final = sql(
    """
    select coalesce(sum(count), 0)::bigint from figure
    where journey = %(journey)s and span = 'total' and cohort = 'occurrence' and not removed
      and step = %(step)s and fact = 'reached' and label = 'split'
    """
)
_KEPT: Final = sql(
    """
    select counted_at, counts, parcours.clock() from experiment_count
    where journey = %(journey)s and step = %(step)s and version = %(version)s
    """
)
_KEEP: Final = sql(
    """
    insert into experiment_count as e (journey, step, version, counted_at, counts)
    values (%(journey)s, %(step)s, %(version)s, %(counted_at)s, %(counts)s)
    on conflict (journey, step, version) do update
    set counted_at = excluded.counted_at, counts = excluded.counts
    where e.counted_at < excluded.counted_at
    """
)
_ALONE: Final = sql(
    "select pg_advisory_xact_lock(hashtextextended('experiment ' || %(journey)s || %(step)s, 0))"
)
_MANY: Final = sql(
    """
    select f.journey, f.step from journey j
    join figure f on f.journey = j.key and f.span = 'total' and f.cohort = 'occurrence'
      and not f.removed and f.fact = 'reached' and f.label = 'split'
    where j.state <> 'archived'
    group by f.journey, f.step having sum(f.count) > %(many)s order by f.journey, f.step
    """
)


async def read_counts(conn: AsyncConnection[Any], split: Split, *, many: int = MANY) -> SplitCounts:
    """The counts of a split: as of now for up to `many` visits, else those that are kept."""
    of_split = {"journey": split.journey, "step": split.step}
    if await fetch_value(conn, _VISITS, of_split) <= many:
        return await count_arms(conn, split)
    kept = await _read_kept(conn, split)
    if kept is not None and kept.age < _LATE + _PAUSE * kept.took:
        return kept.counts
    return await recount(conn, split)


async def count_arms(conn: AsyncConnection[Any], split: Split) -> SplitCounts:
    """The counts of a split as of now."""
    parameters = {
        "journey": split.journey,
        "step": split.step,
        "versions": list(split.versions),
        "arms": [arm.name for arm in split.arms],
        "sends": Jsonb({arm.name: list(arm.sends) for arm in split.arms})
        if split.of_arms
        else None,
    }
    counted_at = await fetch_value(conn, _CLOCK)
    rows = await fetch_all(conn, _COUNTS, parameters)
    return SplitCounts(
        versions=split.versions,
        arms={arm: _arm(*counts) for arm, contacts, _, _, *others in rows
              for counts in [(contacts, *others)]},
        counted_at=counted_at,
        first_at=min((row[2] for row in rows), default=None),
        last_at=max((row[3] for row in rows), default=None),
    )  # fmt: skip


def _arm(
    contacts: int, goals: int, valued: int, value: float, squares: float, *messages: int
) -> ArmCounts:
    return ArmCounts(
        contacts=contacts,
        messages=dict(zip(MESSAGE_METRICS, messages, strict=True)),
        goals=goals,
        valued=valued,
        value=value,
        squares=squares,
    )


async def recount(conn: AsyncConnection[Any], split: Split, *, due: bool = False) -> SplitCounts:
    """Count a split with many contacts, and keep the counts. One process at a time does so.

    With `due` kept counts that are young enough are left as they are; the same if another process
    has just counted it.
    """
    before = await _read_kept(conn, split)
    async with conn.transaction():
        await execute(conn, _ALONE, {"journey": split.journey, "step": split.step})
        kept = await _read_kept(conn, split)
        if kept is not None:
            counted_meanwhile = before is None or kept.counts.counted_at != before.counts.counted_at
            if counted_meanwhile or (due and kept.age < max(_EVERY, _PAUSE * kept.took)):
                return kept.counts
        begun = monotonic()
        await execute(conn, _OF_MANY)
        counts = await count_arms(conn, split)
        await execute(
            conn,
            _KEEP,
            {
                "journey": split.journey,
                "step": split.step,
                "version": split.versions[0],
                "counted_at": counts.counted_at,
                "counts": Jsonb(_packed(counts, monotonic() - begun)),
            },
        )
        return counts


async def splits_of_many(conn: AsyncConnection[Any], *, many: int) -> list[tuple[str, str]]:
    """The journeys and steps of splits with more than `many` visits."""
    return [(journey, step) for journey, step in await fetch_all(conn, _MANY, {"many": many})]


@dataclass(frozen=True, slots=True)
class _Kept:
    counts: SplitCounts
    took: timedelta
    age: timedelta


async def _read_kept(conn: AsyncConnection[Any], split: Split) -> _Kept | None:
    row = await fetch_one(
        conn,
        _KEPT,
        {"journey": split.journey, "step": split.step, "version": split.versions[0]},
    )
    if row is None:
        return None
    counted_at, packed, now = row
    counts = SplitCounts(
        versions=tuple(packed["versions"]),
        arms={arm: ArmCounts(**counts) for arm, counts in packed["arms"].items()},
        counted_at=counted_at,
        first_at=_time(packed["first_at"]),
        last_at=_time(packed["last_at"]),
    )
    return _Kept(counts, timedelta(seconds=packed["seconds"]), now - counted_at)


def _packed(counts: SplitCounts, seconds: float) -> dict[str, Any]:
    return {
        "versions": list(counts.versions),
        "arms": {arm: asdict(each) for arm, each in counts.arms.items()},
        "first_at": counts.first_at and counts.first_at.isoformat(),
        "last_at": counts.last_at and counts.last_at.isoformat(),
        "seconds": seconds,
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

"""Generations of segments: the condition that each has from an instant on.

A segment gets a new generation when its own condition changes, or that of a segment inside it, or a
topic's default or a list of places that it depends on. Its condition then stands alone, with those
of the segments inside it in their places, so that it can be judged as of any instant since.

A transaction that judges holds the gate shared, from before its contacts are locked to its end.
One that begins generations holds it alone. So of two judgements at different instants, the earlier
was never made by the later generation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg.types.json import Jsonb

from journeys.model.conditions import Condition
from journeys.model.segment_dependencies import (
    CircularSegment,
    LargeSegment,
    condition_as_json,
    dependencies_of,
    expanded,
    segments_inside,
)
from store.operations.jobs import create_job
from store.segments.segment_conditions import read_segments
from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_all_as,
    fetch_column,
    fetch_value,
    integer,
    sql,
)

_GATE: Final = 7_305_901_428
SHARED_GATE = sql("pg_advisory_xact_lock_shared({gate}::bigint)", gate=integer(_GATE))
"""The expression that shares the gate until the transaction ends."""
_SHARE_GATE = sql("select {gate}", gate=SHARED_GATE)
_CLOSE_GATE = sql("select pg_advisory_xact_lock(%(gate)s::bigint)")
_KEPT = sql("""
select s.key, s.generation, g.condition, s.dependencies, s.version, d.version
from segment s
join segment_generation g on g.segment = s.key and g.generation = s.generation
left join document d on d.kind = 'segment' and d.key = s.key
""")
_VERSIONS = sql("select key, version from document where kind = 'segment'")
_BEGIN = sql("""
with begun as (
    insert into segment (key, generation, version, state, since, dependencies, job_id)
    values (%(key)s, %(generation)s, %(version)s, 'filling', parcours.clock(), %(dependencies)s,
            %(job)s)
    on conflict (key) do update set
        generation = excluded.generation, version = excluded.version, state = 'filling',
        since = excluded.since, dependencies = excluded.dependencies, job_id = excluded.job_id,
        filled_at = null, slow_at = null
    returning key, generation, since
)
insert into segment_generation (segment, generation, condition, since)
select key, generation, %(condition)s, since from begun
""")
_SAME = sql("update segment set version = %(version)s where key = %(key)s")
_BUMP = sql("update catalog set revision = revision + 1")
_SUPERSEDE = sql("""
update job set state = 'superseded', ended_at = parcours.clock()
where kind = 'segment' and subject = %(key)s and state = 'running'
""")
_UNKNOWN = sql("""
select d.key from document d left join segment s on s.key = d.key
where d.kind = 'segment' and s.version is distinct from d.version
""")
_STATES = sql("""
select s.key, s.generation, s.state, s.since, s.dependencies, s.job_id, s.filled_at, s.checked_at,
       s.corrected, coalesce(j.done, 0) as done, coalesce(j.total, 0) as total, s.slow_at
from segment s left join job j on j.id = s.job_id
where s.key = any(%(keys)s)
""")
_SLOW = sql("update segment set slow_at = parcours.clock() where key = %(key)s")
_READY = sql("""
update segment set state = 'ready', filled_at = parcours.clock()
where key = %(key)s and generation = %(generation)s and state = 'filling'
""")
_CHECKED = sql("""
update segment s set checked_at = parcours.clock(),
       corrected = coalesce((%(corrected)s::jsonb ->> s.key)::int, 0)
where s.since <= %(since)s
""")
_CHECK_TONIGHT = sql("""
select (parcours.clock() at time zone 'UTC')::date::text
where exists (select from segment)
  and extract(hour from parcours.clock() at time zone 'UTC') >= %(hour)s
""")
_REMOVE_OLD = sql("""
delete from job where kind in ('check', 'segment') and state <> 'running'
  and ended_at < parcours.clock() - interval '90 days'
  and not exists (select from segment s where s.job_id = job.id)
""")
_CHECK_HOUR: Final = 2
"""Of the day in UTC, from which on its check begins."""


@dataclass(frozen=True)
class SegmentState:
    """How far the members of a segment are known."""

    key: str
    generation: int
    state: str
    since: datetime
    dependencies: Mapping[str, list[str]]
    job_id: UUID | None
    filled_at: datetime | None
    checked_at: datetime | None
    corrected: int
    done: int
    """Contacts that the job which fills it has judged."""
    total: int
    slow_at: datetime | None
    """When judging contacts by it last took so long that it is done apart."""


async def share_gate(conn: Connection) -> None:
    """Keep generations from beginning until the transaction ends.

    It is asked for before any contact is locked: what waits for it must hold nothing that others
    which have it may wait for.
    """
    await execute(conn, _SHARE_GATE)


async def begin_generations(
    conn: Connection,
    *,
    topics: Collection[str] = (),
    places: Collection[str] = (),
    segments: Collection[str] = (),
    saved: Collection[str] = (),
) -> list[UUID]:
    """Begin a generation of each segment whose condition has changed; the jobs that fill them.

    Those of `segments`, and those that depend on one of the topics or lists of places, get a new
    generation as well. The caller has locked the catalog, and starts the jobs after the commit.
    Documents that no longer validate are left as they are.

    `saved`: segments whose documents the caller has written. Raises LargeSegment if one of them, or
    one that contains it, has become too large.
    """
    await execute(conn, _CLOSE_GATE, {"gate": _GATE})
    conditions = (await read_segments(conn)).conditions
    versions = dict(await fetch_all(conn, _VERSIONS))
    kept = {row[0]: row[1:] for row in await fetch_all(conn, _KEPT)}
    jobs: list[UUID] = []
    for key in sorted(conditions):
        whole = _expanded(key, conditions, saved)
        if whole is None:
            continue
        condition, inside = whole
        known = kept.get(key)
        content = condition_as_json(condition)
        same = known is not None and known[1] == content and key not in segments
        if known is not None and same and not _concerns(known[2], topics, places):
            if known[3] != versions[key]:
                await execute(conn, _SAME, {"key": key, "version": versions[key]})
            continue
        jobs.append(
            await _begin(conn, key, known[0] + 1 if known else 1, versions[key], condition, inside)
        )
    if jobs:
        await execute(conn, _BUMP)
    return jobs


async def _begin(
    conn: Connection,
    key: str,
    generation: int,
    version: int,
    condition: Condition,
    inside: frozenset[str],
) -> UUID:
    await execute(conn, _SUPERSEDE, {"key": key})
    job = await create_job(
        conn, "segment", None, subject=key, plan={"generation": generation}, total=0
    )
    await execute(
        conn,
        _BEGIN,
        {
            "key": key,
            "generation": generation,
            "version": version,
            "dependencies": Jsonb(dependencies_of(condition, inside).as_json()),
            "condition": Jsonb(condition_as_json(condition)),
            "job": job,
        },
    )
    return job


def _concerns(
    dependencies: Mapping[str, Any], topics: Collection[str], places: Collection[str]
) -> bool:
    return not (
        set(topics).isdisjoint(dependencies.get("topics", ()))
        and set(places).isdisjoint(dependencies.get("places", ()))
    )


async def has_unknown_segments(conn: Connection) -> bool:
    """Whether a document of a segment has a condition that no generation was begun with.

    Those that can't be read do not count.
    """
    keys = await fetch_column(conn, _UNKNOWN)
    if not keys:
        return False
    conditions = (await read_segments(conn)).conditions
    return any(_expanded(key, conditions) is not None for key in keys)


def _expanded(
    key: str, conditions: Mapping[str, Condition], saved: Collection[str] = ()
) -> tuple[Condition, frozenset[str]] | None:
    """The condition of a segment as a whole; None if it, or one inside it, can't be read.

    Raises LargeSegment if it is too large because of one that was saved.
    """
    try:
        return expanded(key, conditions)
    except LargeSegment:
        if set(saved).isdisjoint(segments_inside(key, conditions)):
            return None
        raise
    except (CircularSegment, LookupError):
        return None


async def read_segment_state(conn: Connection, key: str) -> SegmentState | None:
    """How far the members of a segment are known; None if they are not kept."""
    return (await read_segment_states(conn, [key])).get(key)


async def read_segment_states(conn: Connection, keys: Sequence[str]) -> dict[str, SegmentState]:
    """How far the members of segments are known, by key."""
    found = await fetch_all_as(conn, SegmentState, _STATES, {"keys": list(keys)})
    return {each.key: each for each in found}


async def mark_ready(conn: Connection, key: str, generation: int) -> None:
    """Record that every contact was judged by a generation, unless there is a newer one."""
    await execute(conn, _READY, {"key": key, "generation": generation})


async def mark_slow(conn: Connection, key: str) -> None:
    """Record that judging contacts by a segment takes long now."""
    await execute(conn, _SLOW, {"key": key})


async def record_checked(conn: Connection, corrected: Mapping[str, int], since: datetime) -> None:
    """Record how many members of each segment were wrong in a check that began at `since`."""
    await execute(conn, _CHECKED, {"corrected": Jsonb(dict(corrected)), "since": since})


async def begin_nightly_check(conn: Connection) -> None:
    """Begin the check of this night, once, if there are segments."""
    night = await fetch_value(conn, _CHECK_TONIGHT, {"hour": _CHECK_HOUR})
    if night is None:
        return
    job_id = uuid5(NAMESPACE_URL, f"parcours:check-segments:{night}")
    await create_job(conn, "check", None, job_id=job_id, subject=night, plan={}, total=0)
    await execute(conn, _REMOVE_OLD)

"""Worker processes that report themselves, and the replay checks of builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from store.sql import Connection, execute, fetch_all, fetch_all_as, sql

SEEN_WITHIN: Final = 60
"""Seconds after its latest report for which a process counts as running."""

_REPORT = sql("""
insert into worker_process as w (id, build, started_at, seen_at, lag)
values (%(id)s, %(build)s, clock_timestamp(), clock_timestamp(), %(lag)s)
on conflict (id) do update set seen_at = clock_timestamp(), lag = %(lag)s
""")
_REMOVE_OLD = sql("delete from worker_process where seen_at < clock_timestamp() - interval '1 day'")
_LEAVE = sql("delete from worker_process where id = %(id)s")
_LIST = sql("""
select id, build, started_at, seen_at, lag from worker_process
where seen_at > clock_timestamp() - make_interval(secs => %(within)s)
order by started_at, id
""")
_RECORD_CHECK = sql("""
insert into replay_check (build, checked_at, replayed, unread, broken)
values (%(build)s, clock_timestamp(), %(replayed)s, %(unread)s, %(broken)s)
on conflict (build) do update
set checked_at = excluded.checked_at, replayed = excluded.replayed, unread = excluded.unread,
    broken = excluded.broken
""")
_KEEP_CHECKS = sql("""
delete from replay_check where build in (
    select build from replay_check order by checked_at desc offset 50
)
""")
_CHECKS = sql("""
select build, checked_at, replayed, unread, broken from replay_check order by checked_at desc
""")
_ENDS = sql("""
select j.key, first.id, last.id
from journey j
cross join lateral (
    select r.id from run r where r.journey = j.key and r.state = 'active' order by r.id limit 1
) first
cross join lateral (
    select r.id from run r where r.journey = j.key and r.state = 'active'
    order by r.id desc limit 1
) last
order by last.id desc
limit %(limit)s
""")
_AT_POINTS = sql("""
select distinct r.id, r.journey, r.version, r.step
from unnest(%(journeys)s::text[], %(points)s::uuid[]) p (journey, point)
cross join lateral (
    select r.id, r.journey, r.version, r.step, r.workflow_started_at
    from run r where r.journey = p.journey and r.state = 'active' and r.id >= p.point
    order by r.id limit 1
) r
where r.workflow_started_at is not null
order by r.id
""")
_JOBS = sql("""
select id, kind from job where state = 'running' order by started_at desc limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker process that reported itself within the last minute."""

    id: UUID
    build: str
    started_at: datetime
    seen_at: datetime
    lag: float
    """Seconds by which it came late to its latest report."""


@dataclass(frozen=True, slots=True)
class CheckedBuild:
    """The latest replay check of a build."""

    build: str
    checked_at: datetime
    replayed: int
    unread: int
    broken: list[dict[str, Any]]
    """`{journey, version, step, runs, code, example}` of what it does not replay."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An active run whose workflow was started, and where it stands."""

    id: UUID
    journey: str
    version: int
    step: str | None


async def report_worker(conn: Connection, process: UUID, build: str, lag: float) -> None:
    """Note that a process is at work; those that are gone for a day are forgotten."""
    await execute(conn, _REPORT, {"id": process, "build": build, "lag": lag})
    await execute(conn, _REMOVE_OLD)


async def remove_worker(conn: Connection, process: UUID) -> None:
    """Forget a process that stops."""
    await execute(conn, _LEAVE, {"id": process})


async def list_workers(conn: Connection) -> list[SeenWorker]:
    """The processes that were seen within the last minute, the oldest first."""
    return await fetch_all_as(conn, SeenWorker, _LIST, {"within": SEEN_WITHIN})


async def record_check(
    conn: Connection, build: str, replayed: int, unread: int, broken: Sequence[dict[str, Any]]
) -> None:
    """Keep the result of a replay check; the checks of the latest 50 builds are kept."""
    await execute(
        conn,
        _RECORD_CHECK,
        {"build": build, "replayed": replayed, "unread": unread, "broken": Jsonb(list(broken))},
    )
    await execute(conn, _KEEP_CHECKS)


async def list_checks(conn: Connection) -> list[CheckedBuild]:
    """The latest check of each build, the newest first."""
    return await fetch_all_as(conn, CheckedBuild, _CHECKS)


async def ends_of_journeys(conn: Connection, limit: int) -> list[tuple[str, UUID, UUID]]:
    """Journeys with active runs, each with the lowest and the highest id of one."""
    return [
        (journey, first, last)
        for journey, first, last in await fetch_all(conn, _ENDS, {"limit": limit})
    ]


async def open_runs_at(conn: Connection, points: Sequence[tuple[str, UUID]]) -> list[OpenRun]:
    """The first active run of a journey from each point on, each run once."""
    return await fetch_all_as(
        conn,
        OpenRun,
        _AT_POINTS,
        {
            "journeys": [journey for journey, _ in points],
            "points": [point for _, point in points],
        },
    )


async def open_jobs(conn: Connection, limit: int) -> list[tuple[UUID, str]]:
    """Running jobs with their kinds, the newest first."""
    return [(job, kind) for job, kind in await fetch_all(conn, _JOBS, {"limit": limit})]

"""Occurrences of schedules that have come: each begins one job.

The version that was live when an occurrence came says whether it was one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.jobs import start_job
from journeys.schedule.occurrences import Occurrence, begun_occurrence, occurrences
from store.dates.live_journeys import LiveJourney, read_live_journeys
from store.dates.occurrence_jobs import create_occurrence_job
from store.dates.schedule_states import live_versions
from store.definitions.catalog import Catalog, Definition

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
"""Occurrences of one journey that are begun at once."""
_JUST_BEFORE = timedelta(microseconds=1)


async def begin_occurrences(
    conn: AsyncConnection[Any],
    client: Client | None,
    catalog: Catalog,
    journey: str,
    *,
    since: datetime,
    until: datetime,
) -> tuple[list[UUID], datetime]:
    """Begin the jobs of a journey's occurrences later than `since`, up to `until`; each once.

    Occurrences during a pause, or before it ended, are left out. Returns the jobs, and up to when
    all were begun. Without a client their workflows are left to the reconciliation.
    """
    live = (await read_live_journeys(conn, [journey])).get(journey)
    if live is None or live.state != "active":
        return [], until
    due = await _due(conn, catalog, live, since, until)
    jobs: list[UUID] = []
    async with conn.transaction():
        for slot, occurrence in due:
            jobs.append(await create_occurrence_job(conn, journey, slot, occurrence))
    for job, (_, occurrence) in zip(jobs, due, strict=True):
        if client is not None:
            await start_job(conn, client, job)
        log.info("occurrence_begun", journey=journey, occurrence=occurrence.key, job=str(job))
    return jobs, due[-1][1].at if len(due) == MOST_AT_ONCE else until


async def begin_occurrence_at(
    conn: AsyncConnection[Any], client: Client, catalog: Catalog, journey: str, at: datetime
) -> list[UUID]:
    """Begin the jobs of the occurrences that come at an instant, of which there may be none."""
    jobs, _ = await begin_occurrences(
        conn, client, catalog, journey, since=at - _JUST_BEFORE, until=at
    )
    return jobs


def coming(definition: Definition, after: datetime, count: int) -> list[Occurrence]:
    """The next occurrences of a version, in order; two entries may have one instant in common."""
    found: dict[datetime, Occurrence] = {}
    for each in definition.timed.schedules:
        schedule, zone = each.entry.schedule, definition.journey.timezone
        for occurrence in islice(occurrences(schedule, zone, after), count):
            found.setdefault(occurrence.at, occurrence)
    return [found[at] for at in sorted(found)][:count]


async def _due(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    live: LiveJourney,
    since: datetime,
    until: datetime,
) -> list[tuple[int, Occurrence]]:
    """The first occurrences of that time, each with the place of its entry."""
    if live.resumed_at is not None:
        since = max(since, live.resumed_at)
    found: list[tuple[int, Occurrence]] = []
    for version in await live_versions(conn, live.key):
        begin = max(since, version.since)
        end = until if version.until is None else min(until, version.until)
        if begin < end:
            definition = await catalog.definition(conn, live.key, version.version)
            found += _within(definition, begin, end)
            if begin == version.since:
                found += _begun(definition, begin)
    found.sort(key=lambda each: (each[1].at, each[0]))
    return found[:MOST_AT_ONCE]


def _begun(definition: Definition, since: datetime) -> Iterator[tuple[int, Occurrence]]:
    """What had come to some contacts when the version went live, and comes to others after that."""
    for each in definition.timed.schedules:
        occurrence = begun_occurrence(each.entry.schedule, definition.journey.timezone, since)
        if occurrence is not None:
            yield each.slot, replace(occurrence, since=since)


def _within(
    definition: Definition, begin: datetime, end: datetime
) -> Iterator[tuple[int, Occurrence]]:
    for each in definition.timed.schedules:
        schedule, zone = each.entry.schedule, definition.journey.timezone
        for occurrence in islice(occurrences(schedule, zone, begin), MOST_AT_ONCE):
            if occurrence.at > end:
                break
            yield each.slot, occurrence

"""Policies for runs in flight that callers choose, and the jobs that carry them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from pydantic import Field
from temporalio.client import Client

from api.http.problems import Problem
from api.http.strict_models import StrictBody
from dispatch.jobs import start_job
from journeys.model.values import DurationText
from journeys.time.durations import Duration
from journeys.versions.mapping import main_line, map_errors
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Catalog, Definition
from store.definitions.journeys import versions_in_flight
from store.operations.jobs import create_job, stop_older_jobs
from store.operations.migration_progress import count_runs_to_migrate


class Mapping(StrictBody):
    """Steps of earlier versions, each with the step of the new version that its runs move to."""

    map: dict[str, str] = Field(min_length=1, max_length=1000)


class Spread(StrictBody):
    """A duration over which each contact has its turn."""

    spread: DurationText


InFlight = Literal["pin", "follow"] | Mapping
"""Runs in flight keep their version (`pin`), move to the new one (`follow`), or move by a map."""
OverduePolicy = Literal["send", "skip"] | Spread
"""The policy for sends and waits past due."""


def overdue_of(policy: OverduePolicy) -> Overdue:
    """The policy as it is stored; a day of a spread has 24 hours."""
    if not isinstance(policy, Spread):
        return Overdue(policy)
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    return Overdue("spread", Duration.parse(policy.spread).add_to(begin, ZoneInfo("UTC")) - begin)


def map_of(in_flight: InFlight) -> dict[str, str]:
    """The map of steps; empty for the other policies."""
    return in_flight.map if isinstance(in_flight, Mapping) else {}


async def check_map(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    key: str,
    definition: Definition,
    in_flight: InFlight,
) -> None:
    """Raise Problem 422 if a map names unknown steps: each, with the nearest known step."""
    mapping = map_of(in_flight)
    if not mapping:
        return
    known: set[str] = set()
    for version in await versions_in_flight(conn, key):
        known |= main_line((await catalog.definition(conn, key, version)).journey)
    errors = map_errors(mapping, known, definition.journey)
    if errors:
        raise Problem(422, "unknown_step", "; ".join(errors))


async def begin_move(
    conn: AsyncConnection[Any],
    key: str,
    version: int,
    in_flight: InFlight,
    overdue: OverduePolicy,
) -> UUID | None:
    """Create the job that moves runs in flight, in the transaction that activates a version.

    None if the runs keep their version, or if there are none. In any case, a job that is still
    moving runs of the journey ends.
    """
    await stop_older_jobs(conn, "move", key)
    if in_flight == "pin":
        return None
    total = await count_runs_to_migrate(conn, key, version)
    if not total:
        return None
    plan = {"map": map_of(in_flight), "overdue": overdue_of(overdue).as_json()}
    return await create_job(conn, "move", key, version=version, plan=plan, total=total)


async def start_jobs(
    conn: AsyncConnection[Any], temporal: Client, jobs: Sequence[UUID | None]
) -> None:
    """Start the workflows of committed jobs. Reconciliation starts those that fail here."""
    for job in jobs:
        if job is not None:
            await start_job(conn, temporal, job)

"""Preview of a migration of runs in flight, as the API returns it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel, TypeAdapter

from api.services import Services
from api.versions.in_flight import InFlight, OverduePolicy, map_of, overdue_of, start_jobs
from journeys.versions.mapping import StayReason
from store.contacts.rows import external_ids
from store.definitions.catalog import Definition
from store.definitions.documents import hash_content
from store.operations.jobs import JobRow
from store.operations.migration_progress import count_runs_to_migrate
from store.operations.preview_progress import begin_preview, read_preview
from store.versions.migration_preview import (
    MigrationPreview,
    preview_migration,
    runs_by_step,
)
from store.versions.planned_version import PlannedVersion
from store.versions.run_migration import Target

PREVIEWED_AT_ONCE: Final = 500
"""Runs in flight up to which a request makes the preview itself."""
_LONGEST: Final = 1.5
"""Seconds after which a job makes it all the same."""
_IN_FLIGHT: Final = TypeAdapter[InFlight](InFlight)


class Moving(BaseModel):
    """Runs that would move."""

    version: int
    """Their version now."""
    step: str
    to: str
    runs: int


class Staying(BaseModel):
    """Runs that would keep their version."""

    version: int
    step: str | None
    reason: Literal["pinned", StayReason]
    runs: int


class SentAtOnce(BaseModel):
    """Contacts that may be sent a message at once: there is a send before their next wait."""

    count: int
    contacts: list[str]
    """The first 100."""


class Preview(BaseModel):
    """The expected results for the runs in flight."""

    journey: str
    version: int
    in_flight: InFlight
    total: int
    """Active runs of other versions."""
    moves: list[Moving]
    stays: list[Staying]
    unlisted: int
    """Runs of further groups, beyond the first 1,000 that move and the first 1,000 that stay."""
    at_work: int
    """Runs that do not wait now, and are decided about when they next do."""
    failed: int
    """Runs that could not be previewed, each with a fault; an activation sets such runs aside."""
    ends_at_once: int
    """Waits that would end."""
    leaves_at_once: int
    """Runs that an exit rule would end, or lead to its `then`."""
    sent_at_once: SentAtOnce


class PreviewJob(BaseModel):
    """The answer where so many runs are in flight that a job previews them."""

    job: UUID
    """`GET /v1/jobs/{id}` shows its progress, and the preview once it is done."""


async def preview(
    conn: AsyncConnection[Any],
    services: Services,
    definition: Definition,
    in_flight: InFlight,
    overdue: OverduePolicy,
    *,
    paused: bool,
    planned: PlannedVersion | None = None,
) -> Preview | PreviewJob:
    """Preview the migration of a journey's runs, as if this version were activated now.

    A job does so for more runs than `PREVIEWED_AT_ONCE`, or if it takes long. `planned` is the
    version, unless it is saved.
    """
    if in_flight == "pin":
        return await _pinned(conn, definition)
    total = await count_runs_to_migrate(conn, definition.key, definition.version)
    if total <= PREVIEWED_AT_ONCE:
        target = Target(
            definition=definition,
            mapping=map_of(in_flight),
            overdue=overdue_of(overdue),
            since=datetime.now(UTC),
            speed=services.speed,
        )
        expected = await preview_migration(
            conn, services.catalog, definition.key, target, paused=paused, seconds=_LONGEST
        )
        if expected is not None:
            contacts = await external_ids(conn, expected.recipients)
            return _body(definition.key, definition.version, in_flight, expected, contacts)
    kept = None if planned is None else planned.as_json()
    plan = {
        "map": map_of(in_flight),
        "overdue": overdue_of(overdue).as_json(),
        "in_flight": in_flight if isinstance(in_flight, str) else in_flight.model_dump(),
        "paused": paused,
        "content": None if kept is None else hash_content(kept),
    }
    async with conn.transaction():
        job = await begin_preview(
            conn, definition.key, definition.version, plan=plan, planned=kept, total=total
        )
    await start_jobs(conn, services.temporal, [job])
    return PreviewJob(job=job)


async def preview_of_job(
    conn: AsyncConnection[Any], job: JobRow, *, with_contacts: bool
) -> Preview | None:
    """The preview that a job has made; None if it is no preview, or not done."""
    if job.kind != "preview" or job.state != "done" or job.version is None:
        return None
    _, result = await read_preview(conn, job.id)
    expected = MigrationPreview.from_json(result)
    contacts = await external_ids(conn, expected.recipients) if with_contacts else []
    in_flight = _IN_FLIGHT.validate_python(job.plan["in_flight"])
    return _body(job.of_journey, job.version, in_flight, expected, contacts)


async def _pinned(conn: AsyncConnection[Any], definition: Definition) -> Preview:
    others = [
        each
        for each in await runs_by_step(conn, definition.key)
        if each.version != definition.version
    ]
    expected = MigrationPreview(total=sum(each.runs for each in others))
    body = _body(definition.key, definition.version, "pin", expected, [])
    body.stays = [
        Staying(version=each.version, step=each.step, reason="pinned", runs=each.runs)
        for each in others
    ]
    return body


def _body(
    journey: str,
    version: int,
    in_flight: InFlight,
    expected: MigrationPreview,
    contacts: list[str],
) -> Preview:
    return Preview(
        journey=journey,
        version=version,
        in_flight=in_flight,
        total=expected.total,
        moves=[
            Moving(version=version, step=step, to=to, runs=runs)
            for (version, step, to), runs in sorted(expected.moves.items())
        ],
        stays=[
            Staying(version=version, step=step, reason=reason, runs=runs)
            for (version, step, reason), runs in sorted(expected.stays.items())
        ],
        unlisted=expected.unlisted,
        at_work=expected.at_work,
        failed=expected.failed,
        ends_at_once=expected.ended_waits,
        leaves_at_once=expected.exits,
        sent_at_once=SentAtOnce(count=expected.sends, contacts=contacts),
    )

"""Preview of a migration of runs in flight, as the API returns it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from pydantic import BaseModel

from api.http.problems import Problem
from api.services import Services
from api.versions.in_flight import InFlight, OverduePolicy, map_of, overdue_of
from journeys.versions.mapping import StayReason
from store.definitions.catalog import Definition
from store.versions.migration_preview import (
    MigrationPreview,
    external_ids,
    preview_migration,
    runs_by_step,
)
from store.versions.run_migration import Target


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
    at_work: int
    """Runs that do not wait now, and are decided about when they next do."""
    ends_at_once: int
    """Waits that would end."""
    leaves_at_once: int
    """Runs that an exit rule would end, or lead to its `then`."""
    sent_at_once: SentAtOnce


async def preview(
    conn: AsyncConnection[Any],
    services: Services,
    definition: Definition,
    in_flight: InFlight,
    overdue: OverduePolicy,
    *,
    paused: bool,
) -> Preview:
    """Preview the migration of a journey's runs, as if this version were activated now.

    Raises Problem 422 if that takes too long.
    """
    if in_flight == "pin":
        return await _pinned(conn, definition)
    target = Target(
        definition=definition,
        mapping=map_of(in_flight),
        overdue=overdue_of(overdue),
        since=datetime.now(UTC),
        speed=services.speed,
    )
    try:
        async with asyncio.timeout(services.preview_seconds):
            expected = await preview_migration(
                conn, services.catalog, definition.key, target, paused=paused
            )
    except TimeoutError:
        raise Problem(
            422,
            "preview_too_large",
            f"journey {definition.key} has more runs in flight than can be previewed in"
            f" {services.preview_seconds:g} s: activate it without a preview, and watch its job",
        ) from None
    return _body(definition, in_flight, expected, await external_ids(conn, expected.recipients))


async def _pinned(conn: AsyncConnection[Any], definition: Definition) -> Preview:
    others = [
        each
        for each in await runs_by_step(conn, definition.key)
        if each.version != definition.version
    ]
    expected = MigrationPreview(total=sum(each.runs for each in others))
    body = _body(definition, "pin", expected, [])
    body.stays = [
        Staying(version=each.version, step=each.step, reason="pinned", runs=each.runs)
        for each in others
    ]
    return body


def _body(
    definition: Definition, in_flight: InFlight, expected: MigrationPreview, contacts: list[str]
) -> Preview:
    return Preview(
        journey=definition.key,
        version=definition.version,
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
        at_work=expected.at_work,
        ends_at_once=expected.ended_waits,
        leaves_at_once=expected.exits,
        sent_at_once=SentAtOnce(count=expected.sends, contacts=contacts),
    )

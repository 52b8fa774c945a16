"""A version of a journey goes live: for new runs, for those in flight, and for its backfills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from api.versions.backfills import begin_backfills_of
from api.versions.in_flight import InFlight, OverduePolicy, begin_move
from journeys.model.journey_state import JourneyState
from store.definitions.journeys import StoredJourney, activate
from store.operations.audit import Actor, record_audit


@dataclass(frozen=True, slots=True)
class WentLive:
    """The state of the journey from now on, and the jobs that are to be started."""

    state: JourneyState
    job: UUID | None
    """It moves the runs in flight; None if there is none."""
    backfills: list[UUID]


async def go_live(
    conn: AsyncConnection[Any],
    actor: Actor,
    before: StoredJourney,
    version: int,
    document: Mapping[str, Any],
    in_flight: InFlight,
    overdue: OverduePolicy,
) -> WentLive:
    """Make a version the one of new runs, in the caller's transaction, which locked the catalog.

    `before` is the journey as it was, and `document` the content of the version.
    """
    key = before.key
    state = await activate(conn, key, version, by=actor.name)
    backfills = await begin_backfills_of(conn, before, dict(document))
    job = await begin_move(conn, key, version, in_flight, overdue)
    after: dict[str, Any] = {"version": version, "state": state, "in_flight": words_of(in_flight)}
    if job is not None:
        after["job"] = job
    if backfills:
        after["backfills"] = backfills
    await record_audit(
        conn,
        actor,
        "journey.activate",
        f"journey:{key}",
        before={"version": before.active_version, "state": before.state},
        after=after,
    )
    return WentLive(state, job, backfills)


async def move_runs(
    conn: AsyncConnection[Any],
    actor: Actor,
    key: str,
    version: int,
    in_flight: InFlight,
    overdue: OverduePolicy,
) -> UUID | None:
    """Move the runs in flight to a version that is live already; the job, if there are any."""
    job = await begin_move(conn, key, version, in_flight, overdue)
    if job is not None:
        after = {"version": version, "in_flight": words_of(in_flight), "job": job}
        await record_audit(conn, actor, "journey.move", f"journey:{key}", after=after)
    return job


def words_of(in_flight: InFlight) -> Any:
    """The policy for runs in flight as the audit log keeps it."""
    return in_flight if isinstance(in_flight, str) else in_flight.model_dump()

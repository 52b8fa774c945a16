"""One round of a dispatcher: what it decided to tell Temporal, and the record of it.

Events that Temporal refuses are tried again with a back-off, then moved to the dead list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from temporalio.service import RPCError

from dispatch.temporal import TemporalAway, is_away
from journeys.time.backoff import Backoff
from store.definitions.catalog import Definition
from store.events.outbox import Leased, dead_letter, finish_round, retry_event_later
from store.runs.workflow_marks import workflow_stopped

log = structlog.get_logger(__name__)

_TRIES = 5
"""Attempts for an event that Temporal refuses; with the delays below, within half a minute."""
_RETRY = Backoff(first=1.0, longest=8.0)


@dataclass(frozen=True)
class RunStart:
    """A run whose workflow is to be started, and the event that began it."""

    run_id: UUID
    definition: Definition
    contact_id: UUID
    event_id: int


@dataclass(frozen=True)
class RunWake:
    """A run that listens for an event, and is to be woken for it."""

    journey: str
    run_id: UUID
    visit: int
    """0: an exit may have fired."""
    event_id: int
    contact_id: UUID


@dataclass(frozen=True)
class Refusal:
    """An event that Temporal refused a call for."""

    contact_id: UUID
    message: str


@dataclass
class Round:
    """The calls to Temporal that a round needs, and the events that were refused."""

    starts: list[RunStart] = field(default_factory=list)
    stops: dict[UUID, str] = field(default_factory=dict)
    """Runs that an entry ended, each with its journey."""
    wakes: dict[tuple[UUID, int], RunWake] = field(default_factory=dict)
    """By run and visit."""
    refused: dict[int, Refusal] = field(default_factory=dict)
    """By event."""
    made_due: int = 0
    """How many conditions are to be looked at."""

    def refuse(self, event_id: int, contact_id: UUID, error: RPCError) -> None:
        """Keep that a call was refused. Raises TemporalAway if it may succeed later."""
        if is_away(error):
            raise TemporalAway(error.message) from None
        self.refused[event_id] = Refusal(contact_id, error.message)


async def record_round(conn: AsyncConnection[Any], leased: Leased, round_: Round) -> None:
    """Remove the dispatched events from the outbox, and give the contacts back.

    A contact waits behind its first refused event, so that the order of its events holds.
    """
    first_refused: dict[UUID, int] = {}
    for event_id, refusal in sorted(round_.refused.items()):
        first_refused.setdefault(refusal.contact_id, event_id)
    dispatched = [
        event
        for event in leased.events
        if event.contact_id not in first_refused or event.id < first_refused[event.contact_id]
    ]
    dispatched_ids = {event.id for event in dispatched}
    await finish_round(
        conn,
        contacts=leased.contacts,
        events=[(event.contact_id, event.id) for event in dispatched],
        started=[start.run_id for start in round_.starts if start.event_id in dispatched_ids],
    )
    for run_id in round_.stops:
        await workflow_stopped(conn, run_id)
    attempts = {event.id: event.attempts for event in leased.events}
    for contact_id, event_id in first_refused.items():
        failures = attempts[event_id] + 1
        if failures < _TRIES:
            delay = timedelta(seconds=_RETRY.delay(failures))
            await retry_event_later(conn, contact_id, event_id, delay)
        else:
            message = round_.refused[event_id].message
            log.error("event_dead_lettered", event_id=event_id, error=message)
            await dead_letter(conn, contact_id, event_id, "temporal_refused", message)

"""One round over leased contacts: what their events begin and wake, and the record of it.

A call that Temporal refuses or does not take is parked on its run and made again later, and its
event is finished. What Temporal would refuse each time makes a dead event as well, which operators
see. An event whose call came at a moment with too many calls stays in the outbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from temporalio.client import Client

from dispatch.date_entries import plan_changed_dates
from dispatch.entries import EventErrors, RunStart, admit_entries, consider_entries
from dispatch.faults import FoundFault, record_faults
from dispatch.goals import record_met_goals_of
from dispatch.observed_goals import record_observed_goals_of
from dispatch.places import reach_places
from dispatch.segments import JUDGING_TIME, judge_events
from dispatch.shares import EventWork, share_out
from dispatch.temporal import (
    TemporalBusy,
    is_away,
    is_busy,
    is_refused,
    make_calls,
    start_journey,
    wake,
)
from dispatch.wakes import exits_of_new_runs, look_at_listeners
from store.definitions.catalog import Catalog
from store.events.outbox import Leased, OutboxEvent, dead_letter, record_progress
from store.operations.faults import describe
from store.runs.workflow_marks import CallKey, park_calls, workflows_stopped
from store.waits.due_listeners import make_due_by_events
from store.waits.listener_candidates import Candidate

FIRST_RETRY = timedelta(seconds=1)
"""After which a call that failed once is made again."""


class EventFault(Exception):
    """A journey could not take an event; the others have."""


@dataclass
class Round:
    """What a round did."""

    heavy: list[UUID] = field(default_factory=list)
    """Contacts that used their share of calls and have more to do."""
    last_call: CallKey | None = None
    """The last call that was made for one of them."""
    cut: bool = False
    """Whether an event is not done to its end."""
    may_be_due: bool = False
    """Whether a condition, a segment or a date may have become due."""

    def add(self, other: Round) -> None:
        """Count another round's work as this one's."""
        self.heavy += other.heavy
        self.last_call = other.last_call or self.last_call
        self.may_be_due |= other.may_be_due


@dataclass(frozen=True)
class _Call:
    """A call to Temporal for a run, and the event that it comes of."""

    event: OutboxEvent
    make: Callable[[], Awaitable[object]]


async def dispatch_events(
    conn: AsyncConnection[Any],
    client: Client,
    catalog: Catalog,
    leased: Leased,
    share: int,
    *,
    alone: bool = False,
    public_url: str | None = None,
    judging: float | None = JUDGING_TIME,
) -> Round:
    """Do a share of the work of each leased contact.

    Args:
        share: wakes and entries of one contact, at most.
        judging: seconds for the judging of segments; None: as long as it takes.
        alone: the events are one that failed with others: what can be done of it is done.
        public_url: where operators find runs.

    Raises:
        TemporalAway, TemporalBusy: what was done is recorded, the rest is still in the outbox.
        EventFault: a part of the event could not be done.
    """
    faults: list[FoundFault] = []
    errors: EventErrors | None = {} if alone else None
    active = await catalog.active(conn, leased.revision)
    await plan_changed_dates(conn, active, leased.events, faults)
    later = await judge_events(
        conn, catalog, leased.events, leased.revision, faults, seconds=judging
    )
    if later:
        leased = leased.without(later)
        if not leased.contacts:
            await record_faults(conn, faults)
            return Round(cut=True, may_be_due=True)
    await reach_places(conn, active.areas, leased.events, faults)
    due = await make_due_by_events(conn, [event.id for event in leased.events])
    segments = await catalog.live_segments.read(conn, leased.revision)
    works = share_out(
        leased.events,
        await look_at_listeners(conn, catalog, leased.events, faults),
        await consider_entries(conn, active, leased.events, errors),
        share,
    )
    starts = await admit_entries(conn, catalog, works, errors)
    wakes = [each for work in works for each in work.wakes]
    wakes += await _late_exits(conn, catalog, works, starts, faults)
    calls = _calls(client, works, starts, wakes, public_url)
    failed = await make_calls(client, {key: call.make for key, call in calls.items()})
    left = {calls[key].event.id for key, error in failed.items() if is_busy(error)}
    whole, part = _done(works, left)
    await _park(conn, calls, failed, left, faults)
    parked_goals = await record_met_goals_of(conn, catalog, whole, faults)
    await record_observed_goals_of(conn, catalog, leased.revision, whole, faults)
    await park_calls(conn, parked_goals, FIRST_RETRY)
    await record_faults(conn, faults)
    started = [start.run_id for start in starts if (start.run_id, "start", 0) not in failed]
    await workflows_stopped(
        conn,
        [run for start in starts for run in start.stopped if (run, "stop", 0) not in failed],
    )
    if errors:
        await record_progress(conn, dispatched=[], cut=[], started=started)
        error = next(iter(errors.values()))
        raise EventFault(describe(error)) from error
    await record_progress(
        conn,
        dispatched=whole,
        cut=[work.progress for work in part if work.progress is not None],
        started=started,
    )
    if left:
        raise TemporalBusy("Temporal takes fewer calls than were made")
    heavy = _heavy(leased, works, calls, share)
    made = [key for key, call in calls.items() if call.event.contact_id in heavy]
    last = next((key for key in reversed(made) if key not in failed), None)
    may_be_due = bool(
        due
        or active.dated
        or segments.by_event
        or any(each.definition.journey.exit for each in starts)
    )
    return Round(heavy, last, cut=bool(part), may_be_due=may_be_due)


async def _late_exits(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    works: list[EventWork],
    starts: list[RunStart],
    faults: list[FoundFault],
) -> list[Candidate]:
    """Exits of runs that begin in this round, by events that come after theirs in it."""
    first: dict[UUID, int] = {}
    for start in starts:
        first.setdefault(start.contact_id, start.event_id)
    later = [
        work.event
        for work in works
        if work.event.id > first.get(work.event.contact_id, work.event.id)
    ]
    if not later:
        return []
    return await exits_of_new_runs(conn, catalog, later, {each.run_id for each in starts}, faults)


def _calls(
    client: Client,
    works: list[EventWork],
    starts: list[RunStart],
    wakes: list[Candidate],
    public_url: str | None,
) -> dict[CallKey, _Call]:
    events = {work.event.id: work.event for work in works}
    calls: dict[CallKey, _Call] = {}
    for start in starts:
        definition = start.definition
        event = events[start.event_id]
        calls[start.run_id, "start", 0] = _Call(
            event,
            partial(
                start_journey,
                client,
                run_id=start.run_id,
                journey=definition.key,
                version=definition.version,
                contact_id=start.contact_id,
                program=definition.program,
                name=definition.journey.name,
                trace=event.trace,
                public_url=public_url,
            ),
        )
        for stopped in start.stopped:
            calls[stopped, "stop", 0] = _Call(
                event, partial(wake, client, definition.key, stopped, 0, trace=event.trace)
            )
    for each in wakes:
        calls.setdefault(
            (each.run_id, "wake", each.visit),
            _Call(
                events[each.event_id],
                partial(
                    wake,
                    client,
                    each.journey,
                    each.run_id,
                    each.visit,
                    trace=events[each.event_id].trace,
                ),
            ),
        )
    return calls


async def _park(
    conn: AsyncConnection[Any],
    calls: dict[CallKey, _Call],
    failed: dict[CallKey, Exception],
    left: set[int],
    faults: list[FoundFault],
) -> None:
    """Park the calls that failed; an event with one that is refused each time is dead as well.

    One that got no answer may have come at a moment with a lot to do: it is a fault if it comes
    again.
    """
    parked = {key: error for key, error in failed.items() if calls[key].event.id not in left}
    await park_calls(conn, list(parked), FIRST_RETRY)
    for (run_id, kind, visit), error in parked.items():
        event = calls[run_id, kind, visit].event
        if not is_away(error):
            faults.append(FoundFault(kind, error, run_id=run_id, visit=visit))
        if is_refused(error):
            await dead_letter(conn, event.contact_id, event.id, "temporal_refused", describe(error))


def _done(works: list[EventWork], left: set[int]) -> tuple[list[OutboxEvent], list[EventWork]]:
    """The events that are done, and the works that others come after.

    A contact stops at its first event that is left, so that the order of its events holds.
    """
    stopped: set[UUID] = set()
    whole: list[OutboxEvent] = []
    part: list[EventWork] = []
    for work in works:
        contact = work.event.contact_id
        if work.event.id in left:
            stopped.add(contact)
        if contact in stopped:
            continue
        if work.progress is None:
            whole.append(work.event)
        else:
            part.append(work)
    return whole, part


def _heavy(
    leased: Leased, works: list[EventWork], calls: dict[CallKey, _Call], share: int
) -> list[UUID]:
    """The contacts that are not done and for which half a share of calls was made."""
    made: dict[UUID, int] = {}
    for call in calls.values():
        made[call.event.contact_id] = made.get(call.event.contact_id, 0) + 1
    done = {work.event.id for work in works if work.progress is None}
    waiting = {event.contact_id for event in leased.events if event.id not in done}
    waiting |= {event.contact_id for event in leased.events if leased.is_full(event.contact_id)}
    return [contact for contact in waiting if made.get(contact, 0) * 2 >= share]

"""Temporal Schedules of journeys: each holds the next occurrences, and begins them.

A Schedule is what operators see, and may pause, in Temporal's pages. The reconciliation keeps it in
step with its journey. An occurrence that Temporal did not begin, because it was away longer than
it catches up or because the Schedule was deleted, is begun here a minute later; what comes too late
is then refused contact by contact. One that came while the Schedule was paused is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from psycopg import AsyncConnection
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from dispatch.faults import FoundFault, raise_outage
from dispatch.occurrences import begin_occurrences, coming
from dispatch.temporal import JOURNEY_KEY, RPC_TIMEOUT, TemporalAway, answers, is_away
from journeys.protocol.names import (
    OCCURRENCE,
    QUEUE,
    occurrence_workflow_id,
    schedule_id,
)
from journeys.protocol.payloads import OccurrenceInput
from journeys.time.durations import Duration
from store.dates.live_journeys import LiveJourney, read_live_journeys
from store.dates.schedule_states import (
    forget_zone_changes,
    read_schedule_states,
    record_begun,
    remove_schedule_state,
)
from store.definitions.catalog import Catalog, Definition
from store.segments.segment_conditions import read_revision

log = structlog.get_logger(__name__)

HELD: Final = 50
"""Occurrences that a Schedule holds."""
_FEW: Final = HELD // 2
"""With fewer left than these, it gets the next ones."""
_LAST_YEAR: Final = 2100
"""The last that a Schedule of Temporal can hold. Leap days alone come that late among the next."""
_PATIENCE: Final = timedelta(minutes=1)
"""After which an occurrence that Temporal has not begun is begun here."""
_SHORTEST_CATCH_UP: Final = timedelta(seconds=10)
_ZONE_CHANGES_KEPT: Final = timedelta(days=7)
"""Longer than an occurrence walks through the zones, also after an outage."""
_PAUSED: Final = "paused with its journey"
"""The note by which a Schedule that we paused is known from one that an operator paused."""


async def keep_schedules(
    conn: AsyncConnection[Any], client: Client, catalog: Catalog
) -> list[FoundFault]:
    """Keep the Schedules of all journeys in step with them: the faults of single ones.

    Raises TemporalAway.
    """
    await forget_zone_changes(conn, _ZONE_CHANGES_KEPT)
    active = await catalog.active(conn, await read_revision(conn))
    states = await read_schedule_states(conn)
    live = await read_live_journeys(conn, {*active.scheduled, *states})
    faults = []
    for journey in sorted({*active.scheduled, *states}):
        try:
            definition = active.scheduled.get(journey)
            known = live.get(journey)
            if definition is not None and known is not None:
                begun = states.get(journey)
                await _keep(conn, client, catalog, definition, known, begun)
            elif known is None or not (active.broken and known.is_live):
                await _remove(conn, client, journey)
        except Exception as error:
            raise_outage(error)
            if isinstance(error, RPCError) and is_away(error) and not await answers(client):
                raise TemporalAway(error.message) from None
            faults.append(FoundFault("schedules", error, subject=f"journey {journey}"))
    return faults


async def keep_schedule(
    conn: AsyncConnection[Any], client: Client, catalog: Catalog, journey: str
) -> None:
    """Keep the Schedule of one journey in step. Raises RPCError and RuntimeError."""
    states = await read_schedule_states(conn)
    live = (await read_live_journeys(conn, [journey])).get(journey)
    if live is not None and live.is_live and live.version is not None:
        definition = await catalog.definition(conn, journey, live.version)
        if definition.timed.schedules:
            await _keep(conn, client, catalog, definition, live, states.get(journey))
            return
    if journey in states:
        await _remove(conn, client, journey)


async def _keep(
    conn: AsyncConnection[Any],
    client: Client,
    catalog: Catalog,
    definition: Definition,
    live: LiveJourney,
    begun: datetime | None,
) -> None:
    # In Temporal's time, which is that of the machines.
    wanted = _schedule(definition, live, datetime.now(UTC))
    handle = client.get_schedule_handle(schedule_id(definition.key))
    try:
        description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _create(client, definition.key, wanted)
        paused = wanted.state.paused
    else:
        state = _state(description, live)
        paused = state.paused
        if _differs(description, wanted, state):
            # An update without a change of the state keeps what an operator does meanwhile.
            await handle.update(_updater(wanted, live), rpc_timeout=RPC_TIMEOUT)
            log.info("schedule_updated", journey=definition.key)
    until = live.now - _PATIENCE
    if begun is None:
        # From its activation on.
        begun = min(live.live_since, until)
    if not paused:
        _, until = await begin_occurrences(
            conn, client, catalog, definition.key, since=begun, until=until
        )
    await record_begun(conn, definition.key, until)


async def _create(client: Client, journey: str, wanted: Schedule) -> None:
    try:
        await client.create_schedule(
            schedule_id(journey),
            wanted,
            search_attributes=TypedSearchAttributes([SearchAttributePair(JOURNEY_KEY, journey)]),
            rpc_timeout=RPC_TIMEOUT,
        )
    except ScheduleAlreadyRunningError:
        return
    log.info("schedule_created", journey=journey)


async def _remove(conn: AsyncConnection[Any], client: Client, journey: str) -> None:
    try:
        await client.get_schedule_handle(schedule_id(journey)).delete(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    await remove_schedule_state(conn, journey)
    log.info("schedule_removed", journey=journey)


def _schedule(definition: Definition, live: LiveJourney, now: datetime) -> Schedule:
    journey = definition.key
    limits = [Duration.parse(each.entry.up_to) for each in definition.timed.schedules]
    catch_up = max((limit.nominal() for limit in limits), default=_SHORTEST_CATCH_UP)
    paused = live.state == "paused"
    return Schedule(
        action=ScheduleActionStartWorkflow(
            OCCURRENCE,
            OccurrenceInput(journey=journey),
            id=occurrence_workflow_id(journey),
            task_queue=QUEUE,
            typed_search_attributes=TypedSearchAttributes(
                [SearchAttributePair(JOURNEY_KEY, journey)]
            ),
            static_summary=f"begin {journey}",
        ),
        spec=ScheduleSpec(
            calendars=[
                _calendar(each.at)
                for each in coming(definition, now, HELD)
                if each.at.year <= _LAST_YEAR
            ]
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.ALLOW_ALL,
            catchup_window=max(catch_up, _SHORTEST_CATCH_UP),
        ),
        state=ScheduleState(paused=paused, note=_PAUSED if paused else None),
    )


def _calendar(at: datetime) -> ScheduleCalendarSpec:
    def only(value: int) -> Sequence[ScheduleRange]:
        return (ScheduleRange(value, value, 1),)

    return ScheduleCalendarSpec(
        second=only(at.second),
        minute=only(at.minute),
        hour=only(at.hour),
        day_of_month=only(at.day),
        month=only(at.month),
        year=only(at.year),
    )


def _instants(spec: ScheduleSpec) -> list[datetime] | None:
    """The instants that a Schedule holds; None if an operator has written others into it."""
    found = []
    for each in spec.calendars:
        parts = (each.year, each.month, each.day_of_month, each.hour, each.minute, each.second)
        if any(len(part) != 1 for part in parts):
            return None
        year, month, day, hour, minute, second = (part[0].start for part in parts)
        found.append(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    return None if spec.intervals or spec.cron_expressions else sorted(found)


def _state(description: ScheduleDescription, live: LiveJourney) -> ScheduleState:
    """Whether it is to be paused: an operator's pause stays, ours follows the journey."""
    state = description.schedule.state
    if live.state == "paused" and not state.paused:
        return replace(state, paused=True, note=_PAUSED)
    if live.state != "paused" and state.paused and state.note == _PAUSED:
        return replace(state, paused=False, note=None)
    return state


def _differs(description: ScheduleDescription, wanted: Schedule, state: ScheduleState) -> bool:
    now = datetime.now(UTC)
    held = _instants(description.schedule.spec)
    coming_next = _instants(wanted.spec) or []
    left = None if held is None else [each for each in held if each > now]
    if left is None or left != coming_next[: len(left)]:
        return True
    if len(left) < min(_FEW, len(coming_next)):
        return True
    policy = description.schedule.policy
    if policy.catchup_window != wanted.policy.catchup_window:
        return True
    return policy.overlap != wanted.policy.overlap or state != description.schedule.state


def _updater(wanted: Schedule, live: LiveJourney) -> Any:
    def update(current: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(replace(wanted, state=_state(current.description, live)))

    return update

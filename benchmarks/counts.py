"""Benchmark of the cost of one run of S in Temporal, counted in its history."""

from __future__ import annotations

import asyncio
from collections import Counter

from psycopg import AsyncConnection
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from benchmarks.instant import instant_adapters
from benchmarks.report import Figure
from benchmarks.sample import accept, activate, make_contacts, sample
from benchmarks.servers import servers
from infra.clients import connect_temporal
from journeys.protocol.names import workflow_id
from worker import serving

_BILLED = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
)


def billable_actions(events: list[HistoryEvent]) -> int:
    """Actions as Temporal Cloud bills them; all local activities of one task are one action."""
    kinds = Counter(event.event_type for event in events)
    local = {
        event.marker_recorded_event_attributes.workflow_task_completed_event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    }
    return sum(kinds[kind] for kind in _BILLED) + len(local)


async def measure() -> list[Figure]:
    """Count the history events, billable actions and workflow tasks of S without signals."""
    async with servers() as running:
        client = await connect_temporal(running.settings)
        async with (
            serving(running.settings, client, adapters=instant_adapters()),
            await AsyncConnection.connect(running.settings.database_url, autocommit=True) as conn,
        ):
            await activate(conn, sample())
            await accept(conn, await make_contacts(conn, 1))
            while True:
                cursor = await conn.execute("select id from run where state = 'ended'")
                row = await cursor.fetchone()
                if row is not None:
                    break
                await asyncio.sleep(0.05)
            handle = client.get_workflow_handle(workflow_id("sample", row[0]))
            await handle.result()
            events = list((await handle.fetch_history()).events)
    tasks = sum(
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in events
    )
    size = sum(event.ByteSize() for event in events)
    return [
        Figure("S: history events", len(events), "events", at_most=25),
        Figure("S: billable actions", billable_actions(events), "actions", at_most=6),
        Figure("S: workflow tasks", tasks, "tasks", at_most=4),
        Figure("S: history size", size, "bytes"),
    ]

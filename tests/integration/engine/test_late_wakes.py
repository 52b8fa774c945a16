"""A wait ends at its due time, whichever signal or timer wakes it, and however late."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from activities.context import Context
from activities.waiting.waits import close, plan
from journeys.protocol.payloads import StepInput
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.engine import accept, activate, visits
from tests.support.racing import Pool, entered_runs

JOURNEY = """
journey: late
entry: {event: Begun}
exit: {event: Enough}
steps:
  - {id: first, wait: {event: Ping, up_to: 1s}}
  - {id: second, wait: {event: Ping}}
"""


def given(run_id: UUID, visit: int, step: str) -> StepInput:
    return StepInput(run_id=run_id, visit=visit, step=step, now=datetime.now(UTC))


@pytest.mark.parametrize("late", ["Ping", "Enough"])
async def test_an_event_after_the_due_time_ends_no_wait_that_a_wake_closes(
    pool: Pool, late: str
) -> None:
    await activate(pool, JOURNEY)
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    [run] = await entered_runs(pool, context.catalog, "late", 1)
    async with pool.connection() as conn:
        planned = await plan(conn, context, given(run.run_id, 1, "first"))
        due = planned.due
        assert due is not None
        await eventually(lambda: datetime.now(UTC) > due)
        event_id = await accept(pool, run.contact_id, late, {})

        # The wake comes before the timer, or in one task with it: it carries no due time.
        closed = await close(conn, context, given(run.run_id, 1, "first"))
        assert (closed.outcome, closed.ended) == ("timed_out", None)
        [visit] = await visits(pool, run.run_id)
        assert datetime.fromisoformat(visit["ended_at"]) == due

        # What came too late for the first wait is there for what follows it.
        after = await plan(conn, context, given(run.run_id, 2, "second"))
        if late == "Ping":
            assert after.outcome == "happened"
            assert (await visits(pool, run.run_id))[1]["facts"]["event_id"] == event_id
        else:
            assert after.ended is not None
            assert (after.ended.outcome, after.ended.reason) == ("exited", "Enough")


async def test_an_event_up_to_the_due_time_ends_a_wait_that_is_closed_late(pool: Pool) -> None:
    await activate(pool, JOURNEY)
    context = Context(pool=pool, catalog=Catalog(), adapters={})
    [run] = await entered_runs(pool, context.catalog, "late", 1)
    async with pool.connection() as conn:
        planned = await plan(conn, context, given(run.run_id, 1, "first"))
        due = planned.due
        assert due is not None
        await accept(pool, run.contact_id, "Ping", {})
        await eventually(lambda: datetime.now(UTC) > due)
        closed = await close(conn, context, given(run.run_id, 1, "first"))
        assert closed.outcome == "happened"

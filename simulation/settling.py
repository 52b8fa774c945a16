"""Waiting for the engine: until it has done all that is due at the simulation's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import WorkflowEnvironment

from journeys.protocol.names import workflow_id
from simulation.clock import Clock
from simulation.errors import SimulationFailed
from simulation.idle import WorkflowState, workflow_state
from simulation.interceptors import SerialDispatcher, WorkflowTracker
from store.simulation.due_times import OverdueRun, overdue_runs

_POLL_SECONDS = 0.003
_CONCURRENCY = 20
"""How many histories are read at the same time."""


class Settling:
    """Waits until the engine of a simulation has done all that is due."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        environment: WorkflowEnvironment,
        clock: Clock,
        tracker: WorkflowTracker,
        dispatcher: SerialDispatcher,
        *,
        patience: float,
        at_work: Callable[[], None],
    ) -> None:
        """`patience`: seconds for which the engine may work at one moment.

        `at_work` is called again and again meanwhile.
        """
        self._pool = pool
        self._environment = environment
        self._clock = clock
        self._tracker = tracker
        self._dispatcher = dispatcher
        self._patience = patience
        self._at_work = at_work
        self.changed_contacts: set[UUID] = set()
        """Contacts whose runs have worked; who has read what is new of them clears it."""

    async def settle(self, *, timers: bool = True) -> None:
        """Wait until the engine has done all that is due now; with `timers`, due timers too.

        Raises SimulationFailed if it is still at work when the time limit is over.
        """
        # Temporal's clock is advanced a little further each time, until the late timers have fired.
        nudge = timedelta(milliseconds=10)
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    await self._wait_until_idle()
                    late = await self.overdue() if timers else []
                    # The order matters: an activity marks its run as unsettled before it closes a
                    # wait. So a timer that fires meanwhile is seen by one check or the other.
                    if not late and self.has_unsettled_runs():
                        continue
                    if not late:
                        break
                    await self._skip_temporal_to(self._clock.now + nudge)
                    self._tracker.unsettled.update(
                        workflow_id(each.journey, each.run_id) for each in late
                    )
                    nudge = min(nudge * 2, timedelta(seconds=30))
        except TimeoutError:
            left = sorted(self._tracker.unsettled)
            raise SimulationFailed(
                f"the engine did not come to rest at {self._clock.now.isoformat()}:"
                f" {', '.join(left[:_CONCURRENCY]) or 'no run'} is still at work"
            ) from None

    async def _wait_until_idle(self) -> None:
        await self._dispatcher.drain()
        while True:
            begun = monotonic()
            # Runs at work need no dispatcher: what each of their activities records is dispatched.
            if await self._all_idle():
                if not await self._dispatcher.drain():
                    return
                continue
            self._at_work()
            # The longer a check takes, the longer the pause before the next one.
            await asyncio.sleep(max(_POLL_SECONDS, monotonic() - begun))

    async def _all_idle(self) -> bool:
        unsettled = sorted(self._tracker.unsettled)
        for first in range(0, len(unsettled), _CONCURRENCY):
            some = unsettled[first : first + _CONCURRENCY]
            if not all(await asyncio.gather(*map(self._is_idle, some))):
                return False
        return True

    def has_unsettled_runs(self) -> bool:
        """Whether an unsettled run is left that does not just wait because its timer was early."""
        return any(not self._clock.is_early(_run_id_of(each)) for each in self._tracker.unsettled)

    async def _is_idle(self, workflow: str) -> bool:
        run_id = _run_id_of(workflow)
        if run_id in self._tracker.contact_by_run:
            self.changed_contacts.add(self._tracker.contact_by_run[run_id])
        if self._clock.is_early(run_id):
            return True
        if self._tracker.running_activities[workflow]:
            return False
        if workflow in self._tracker.open:
            # Before the history is read: what wakes the run from now on marks it again.
            self._tracker.unsettled.discard(workflow)
            match await workflow_state(self._tracker.open[workflow]):
                case WorkflowState.CLOSED:
                    self._tracker.open.pop(workflow, None)
                case WorkflowState.WORKING:
                    self._tracker.unsettled.add(workflow)
                    return False
                case WorkflowState.FAILING:
                    raise SimulationFailed(f"{workflow}: its workflow task fails again and again")
        else:
            self._tracker.unsettled.discard(workflow)
        return True

    async def overdue(self) -> list[OverdueRun]:
        """The runs that something is due for by now."""
        async with self._pool.connection() as conn:
            return await overdue_runs(conn, self._clock.now)

    async def _skip_temporal_to(self, when: datetime) -> None:
        """Advance Temporal's clock, so that timers fire."""
        server = await self._environment.get_current_time()
        gap = when - self._tracker.offset - server
        await self._environment.sleep(max(gap, timedelta(milliseconds=10)))


def _run_id_of(workflow: str) -> UUID:
    return UUID(workflow.rpartition(".")[2])

"""Kills at random moments, some of them aimed at what is under way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import psutil

from tests.chaos.records import Records
from tests.chaos.shop import moment
from tests.support.conditions import eventually
from tests.support.stack import READY_WITHIN, DevStack

STRIDE = 300
"""Pieces of work, about, over which the kills are spread: events acknowledged or messages sent. A
storm has some more than four hundred of each."""
JITTER = 0.5
"""Seconds, at most, from a piece of work to the kill that follows it."""
WORKS_WITHIN = 120.0
"""Seconds until a stack that lost a part has work done again, leases of the dead included."""
AIM = 8.0
"""Seconds for which something to aim at is waited for."""


@dataclass
class Killer:
    """Kills one part of a stack again and again, each time once another is in its place."""

    stack: DevStack
    victim: str
    records: Records
    random: Random
    progress: Callable[[], int]
    """How much the stack has done of what the victim takes part in."""
    kills: list[datetime] = field(default_factory=list)
    """When; just after the signal."""
    hits: int = 0
    """How many of the aimed ones found what they were aimed at."""

    async def strike(self, times: int) -> None:
        """Kill so many times, each at a random moment after the stack went on with its work.

        Of four kills two are aimed at an entry on its way to Temporal, and one at a send in
        flight, if one comes soon; of three, one is of each kind.
        """
        loop = asyncio.get_running_loop()
        for number in range(times):
            await self._work_done(self.random.randint(1, STRIDE // times))
            part = await eventually(lambda: self.stack.part(self.victim), READY_WITHIN)
            if number % 4 in (0, 3):
                await self._hit(part, self.records.just_entered)
            elif number % 4 == 1:
                await self._hit(part, self.records.just_claimed)
            else:
                await moment(loop.time() + self.random.uniform(0, JITTER))
                self._kill(part)
            await self.stack.part_is_back(self.victim, part)

    def _kill(self, part: psutil.Process) -> None:
        part.kill()
        self.kills.append(datetime.now(UTC))

    async def _work_done(self, pieces: int) -> None:
        goal = self.progress() + pieces
        await eventually(lambda: self.progress() >= goal, WORKS_WITHIN, every=0.1, what="work")

    async def _hit(self, part: psutil.Process, look_for: Callable[[], Awaitable[int]]) -> None:
        """Kill when there is what to look for; the worker stands still from look to kill."""
        until = asyncio.get_running_loop().time() + AIM

        async def look() -> bool:
            worker = self.stack.part("worker")
            worker.suspend()
            try:
                hit = await look_for() > 0
                if not hit and asyncio.get_running_loop().time() < until:
                    return False
                self._kill(part)
                self.hits += hit
                return True
            finally:
                # One that was killed does not stand still.
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.resume()

        await eventually(look, 2 * AIM + READY_WITHIN)

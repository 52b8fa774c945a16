"""Slots of each host, so that a receiver which does not answer holds back its own calls alone.

A call that finds no slot is turned away with the time of its turn. A host whose calls take long
gets fewer slots, and more again once it answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

_SOONEST = 1.0
_LATEST = 60.0
"""Seconds within which a call that was turned away comes back; the host may be well by then."""
_REMEMBERED = 1_000
"""Hosts without a call that are remembered with fewer slots or a turn."""


class HostBusy(Exception):
    """No slot of the host is free; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


@dataclass(slots=True)
class _Host:
    allowed: int
    open: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    duration: float = 0.0
    """Seconds that its calls take, on average."""
    turn: float = 0.0
    """The turn of the call that was turned away last."""


class HostSlots:
    """At most `most` calls of a host at once, and `fewest` of one that is slow.

    A call of a host that is not slow waits for a slot for `patience` seconds, and as many calls
    wait as there are slots. `slow` is how many seconds a call takes at least to count as slow.
    """

    def __init__(
        self,
        *,
        most: int = 25,
        fewest: int = 4,
        patience: float = 1.0,
        slow: float = 5.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most = most
        self._fewest = min(fewest, most)
        self._patience = patience
        self._slow = slow
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Hold one of the host's slots. Raises HostBusy if there is none."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(self._most)
            self._forget()
        await self._take(host)
        begun = self._clock()
        try:
            yield
        finally:
            self._learn(host, self._clock() - begun)
            self._release(host)

    async def _take(self, host: _Host) -> None:
        if host.open < host.allowed and not host.waiting:
            host.open += 1
            return
        if host.allowed < self._most or len(host.waiting) >= self._most:
            raise HostBusy(self._turn(host))
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        host.waiting.append(given)
        try:
            async with asyncio.timeout(self._patience):
                await given
        except BaseException as error:
            if given.done() and not given.cancelled():
                self._release(host)
            elif given in host.waiting:
                host.waiting.remove(given)
            if isinstance(error, TimeoutError):
                raise HostBusy(self._turn(host)) from None
            raise

    def _release(self, host: _Host) -> None:
        host.open -= 1
        while host.waiting and host.open < host.allowed:
            given = host.waiting.popleft()
            if not given.done():
                host.open += 1
                given.set_result(None)

    def _learn(self, host: _Host, took: float) -> None:
        host.duration = took if not host.duration else host.duration * 0.8 + took * 0.2
        if took >= self._slow:
            host.allowed = max(host.allowed // 2, self._fewest)
        else:
            host.allowed = min(host.allowed * 2, self._most)

    def _turn(self, host: _Host) -> float:
        """The seconds until a call's turn; turns follow as fast as the host takes calls."""
        now = self._clock()
        host.turn = max(host.turn, now) + (host.duration or self._slow) / host.allowed
        if host.turn > now + _LATEST:
            # The queue is longer than that: the next ones share the later half of the time.
            host.turn = now + _LATEST / 2
        return max(host.turn - now, _SOONEST)

    def _forget(self) -> None:
        if len(self._hosts) > _REMEMBERED:
            idle = [
                name for name, host in self._hosts.items() if not host.open and not host.waiting
            ]
            for name in idle[: len(self._hosts) - _REMEMBERED]:
                del self._hosts[name]

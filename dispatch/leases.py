"""Leases of contacts: taken for a round, renewed while it lasts, and ended after it.

Nothing that holds a contact's lock is waited for when a lease ends: that is tried again shortly
after, and in the end leases run out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dispatch.cancellation import end_if_cancelled
from store.events.outbox import Leased, lease_contacts, release_contacts, renew_lease
from store.operations.faults import describe

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
_EVENTS = 25
"""Events of one contact in one round, at most."""
_DEPTH = 1_000
"""Rows of the outbox in which contacts are looked for at first."""
_DEEPEST = 1_024_000


@dataclass(frozen=True)
class _Unreleased:
    """Leases that could not be ended, because others had locked the contacts."""

    leased: Leased
    resting: list[UUID]
    rest: timedelta
    until: float
    """When they end by themselves, by the clock of the process."""


class Leases:
    """The leases of one dispatcher."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], time: timedelta = LEASE
    ) -> None:
        """`time`: of a lease that is not renewed."""
        self._pool = pool
        self._time = time
        self._depth = _DEPTH
        self._unreleased: list[_Unreleased] = []

    @property
    def any_left(self) -> bool:
        """Whether there are leases that could not be ended yet."""
        return bool(self._unreleased)

    async def take(self, conn: AsyncConnection[Any], contacts: int) -> Leased:
        """Lease up to so many contacts, those with the oldest events first.

        It looks deeper in the outbox as long as its oldest events are those of few contacts.
        """
        await self._release_left(conn)
        owner = uuid4()
        leased: Leased | None = None
        while True:
            more = await lease_contacts(
                conn,
                owner,
                limit=contacts - (len(leased.contacts) if leased else 0),
                events=_EVENTS,
                depth=self._depth,
                time=self._time,
            )
            leased = more if leased is None else leased.joined(more)
            if more.read * 8 <= self._depth:
                self._depth = max(_DEPTH, self._depth // 8)
            enough = len(leased.contacts) >= contacts
            if enough or more.read < self._depth or self._depth >= _DEEPEST:
                return leased
            self._depth *= 8

    @asynccontextmanager
    async def renewing(self, leased: Leased) -> AsyncIterator[None]:
        """Renew a lease until the context ends, however long that takes."""
        task = asyncio.create_task(self._renew(leased))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self, leased: Leased) -> None:
        while True:
            end_if_cancelled()
            await asyncio.sleep(self._time.total_seconds() / 3)
            try:
                async with self._pool.connection() as conn:
                    held = await renew_lease(conn, leased.owner, leased.contacts, self._time)
            except psycopg.Error as error:
                log.warning("lease_not_renewed", error=describe(error))
                continue
            if held < len(leased.contacts):
                log.info("lease_passed_on", contacts=len(leased.contacts) - held)

    async def release(
        self,
        conn: AsyncConnection[Any],
        leased: Leased,
        resting: Sequence[UUID],
        rest: timedelta,
    ) -> None:
        """End a lease, but for contacts that others have locked. The resting ones stay closed."""
        until = monotonic() + self._time.total_seconds()
        await self._release(conn, _Unreleased(leased, list(resting), rest, until))

    async def _release(self, conn: AsyncConnection[Any], lease: _Unreleased) -> None:
        leased = lease.leased
        try:
            left = await release_contacts(
                conn, leased.owner, leased.contacts, resting=lease.resting, rest=lease.rest
            )
        except psycopg.Error:
            log.warning(
                "lease_left", contacts=len(leased.contacts), seconds=self._time.total_seconds()
            )
            return
        if left:
            others = set(leased.contacts) - set(left)
            resting = [each for each in lease.resting if each in left]
            self._unreleased.append(
                _Unreleased(leased.without(others), resting, lease.rest, lease.until)
            )

    async def _release_left(self, conn: AsyncConnection[Any]) -> None:
        """Try again to end the leases that could not be ended, as long as they last."""
        unreleased, self._unreleased = self._unreleased, []
        for each in unreleased:
            if monotonic() < each.until:
                await self._release(conn, each)

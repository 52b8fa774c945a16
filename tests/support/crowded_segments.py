"""A random world in which many things happen at the same time, while its clock goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import orjson

from dispatch.dispatcher import Dispatcher
from dispatch.segments import segment_queue
from store.definitions.catalog import Catalog
from store.events.items import Item
from tests.support.played_segments import START, Play
from tests.support.random_contacts import EVENTS, turns
from tests.support.reference_conditions import holds
from tests.support.segments import SegmentsAtWork

DISPATCHERS = 3
DRAINERS = 2
_BUSY, _IDLE = 0.002, 0.02
"""Seconds between two looks of one of them."""


class Crowd(Play):
    """A world with several dispatchers and drainers, each with a cache of its own."""

    async def at_once(
        self, doings: Sequence[Callable[[], Awaitable[None]]], *, hands: int, until: datetime
    ) -> None:
        """Do all of it, several at a time and in any order, while time goes on to `until`."""
        waiting = list(doings)
        self.any.shuffle(waiting)
        over = asyncio.Event()

        async def hand() -> None:
            while waiting:
                await waiting.pop()()

        async def clock() -> None:
            left = len(waiting)
            while not over.is_set():
                if len(waiting) < left or not waiting:
                    left = len(waiting)
                    share = (until - self.now) / max(left, 1)
                    self.now = min(until, self.now + share * self.any.random())
                    await self.work.to(self.now)
                await asyncio.wait([asyncio.ensure_future(over.wait())], timeout=0.002)

        async def repeat(work: Callable[[], Awaitable[int]]) -> None:
            while not over.is_set():
                # One that has found something looks again at once, and meets the others.
                pause = _BUSY if await work() else _IDLE
                await asyncio.wait([asyncio.ensure_future(over.wait())], timeout=pause)

        async with asyncio.TaskGroup() as group:
            group.create_task(clock())
            for _ in range(DISPATCHERS):
                dispatcher = Dispatcher(
                    self.pool, self.work.client, Catalog(), judging=self.judging
                )
                group.create_task(repeat(dispatcher.round))
            for _ in range(DRAINERS):
                group.create_task(repeat(segment_queue(self.pool, Catalog()).drain))
            async with asyncio.TaskGroup() as working:
                for _ in range(hands):
                    working.create_task(hand())
            over.set()
        self.now = until
        await self.work.to(until)

    def work_out(self) -> None:
        """The history that follows from the events, if nothing else has changed."""
        self.expected.clear()
        for contact, person in self.contacts.items():
            stamps = {event.stamped_at for event in person.events}
            for segment in self.keys:
                condition = self.world.segments[segment]
                instants = {*turns(condition, person, self.world), *stamps, START, self.now}
                changes = self.expected[segment, contact]
                for at in sorted(each for each in instants if START <= each <= self.now):
                    verdict = holds(condition, person, self.world, at)
                    if verdict != (bool(changes) and changes[-1][0]):
                        changes.append((verdict, at))

    async def some_event(self) -> None:
        """An event of any contact."""
        await self.event(self.any.choice(list(self.contacts)))

    async def some_change(self) -> None:
        """A change of any contact."""
        await self.change(self.any.choice(list(self.contacts)))

    async def some_import(self) -> None:
        """Imported events of any contact."""
        await self.imported(self.any.choice(list(self.contacts)))

    async def redefine(self) -> None:
        """Another condition of any segment, filled while all else goes on."""
        key = self.any.choice(self.keys)
        self.world.segments[key] = self._segment(key)
        text = orjson.dumps(self._document(key)).decode()
        work = SegmentsAtWork(self.pool)
        for job in await work.save(text):
            await work.fill(job)

    async def visit_and_sign_up(self) -> None:
        """A visitor without a name does something, and turns out to be a contact."""
        visitor = str(uuid4())
        for _ in range(self.any.randrange(1, 4)):
            name = self.any.choice(EVENTS)
            await self.ingest(
                Item(
                    "track",
                    str(uuid4()),
                    anonymous_id=visitor,
                    name=name,
                    properties=orjson.Fragment(orjson.dumps(self.made.properties(name))),
                    client_at=self.now - timedelta(seconds=self.any.randrange(4_000_000)),
                )
            )
        user = self.users[self.any.choice(list(self.contacts))]
        await self.ingest(
            Item("identify", str(uuid4()), user_id=user, anonymous_id=visitor, traits={"visits": 2})
        )

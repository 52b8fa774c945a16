"""What a simulation stores before it begins: documents, contacts with their history, coupons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from simulation.clock import Clock
from simulation.document_set import DocumentSet
from simulation.errors import SimulationRefused
from simulation.interceptors import SerialDispatcher
from simulation.script import ScriptedContact, TrackingCall
from store.contacts.rows import find_contact
from store.coupons.pools import add_codes, make_pool
from store.definitions.catalog import Catalog
from store.events.effect_events import EffectRefused
from store.events.group_changes import add_to_group
from store.events.topic_changes import set_topic_state
from store.segments.judging import begin_judging, judge_contacts
from store.simulation.simulated_database import make_contact

_DEFAULT_POOL_SIZE = 1_000
"""How many codes a pool has that the script does not mention, for up to a hundred contacts."""
_PAGE = 200
"""How many contacts are judged by segments at once."""

Calls = Sequence[tuple[TrackingCall, ScriptedContact]]


class Preparation:
    """Fills the database of a simulation."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        catalog: Catalog,
        documents: DocumentSet,
        contacts: Sequence[ScriptedContact],
        clock: Clock,
        dispatcher: SerialDispatcher,
        ingest: Callable[[Calls], Awaitable[None]],
    ) -> None:
        """`ingest`: takes tracking calls of contacts."""
        self._pool = pool
        self._catalog = catalog
        self._documents = documents
        self._scripted = contacts
        self._clock = clock
        self._dispatcher = dispatcher
        self._ingest = ingest

    async def prepare(self, start: datetime) -> dict[str, UUID]:
        """Store all, activate the journeys, and set the clock to `start`.

        Returns our id of each contact by its external id, in the order given.
        """
        async with self._pool.connection() as conn:
            versions = await self._documents.save(conn)
        await self._create_contacts()
        contacts: dict[str, UUID] = {}
        history = sorted(
            ((call, each) for each in self._scripted for call in each.history), key=_at
        )
        for at, together in groupby(history, key=_at):
            await self._clock.advance_to(at)
            await self._ingest(list(together))
        await self._clock.advance_to(start)
        async with self._pool.connection() as conn, conn.transaction():
            for scripted in self._scripted:
                contact = await find_contact(conn, scripted.id)
                if contact is None:
                    raise SimulationRefused("contact.userId: missing; a contact has an id")
                contacts[scripted.id] = contact
                for group in scripted.groups:
                    await add_to_group(conn, group, [contact])
                for topic, state in scripted.topics.items():
                    if topic not in self._documents.topics:
                        continue
                    try:
                        await set_topic_state(conn, contact, topic, state)
                    except EffectRefused as refused:
                        owner = f" of `{scripted.id}`" if len(self._scripted) > 1 else ""
                        raise SimulationRefused(
                            f"contact.topics.{topic}{owner}: {refused}"
                        ) from None
            for pool, codes in self._coupon_codes().items():
                await make_pool(conn, pool)
                await add_codes(conn, pool, codes)
        # Events of the past start no run, because no journey is active yet.
        await self._dispatcher.drain()
        await self._fill_segments(sorted(contacts.values()))
        async with self._pool.connection() as conn:
            await self._documents.activate(conn, versions)
        return contacts

    async def _fill_segments(self, contacts: Sequence[UUID]) -> None:
        """Judge all contacts by all segments: some belong without an event."""
        for first in range(0, len(contacts), _PAGE):
            async with self._pool.connection() as conn, conn.transaction():
                await begin_judging(conn)
                await judge_contacts(
                    conn, self._catalog, contacts[first : first + _PAGE], by="fill"
                )
        await self._dispatcher.drain()

    async def _create_contacts(self) -> None:
        """Store the contacts; our id of each is derived from its external id."""
        async with self._pool.connection() as conn, conn.transaction():
            for contact in self._scripted:
                await make_contact(conn, contact.id)
        now = self._clock.now
        await self._ingest(
            [(TrackingCall(now, each.identify, "contact"), each) for each in self._scripted]
        )

    def _coupon_codes(self) -> dict[str, list[str]]:
        """The codes of each pool: those given with the contacts, else as many as may be drawn."""
        provided: dict[str, list[str]] = {}
        for contact in self._scripted:
            for pool, codes in contact.coupons.items():
                provided.setdefault(pool, []).extend(codes)
        size = max(_DEFAULT_POOL_SIZE, _DEFAULT_POOL_SIZE // 100 * len(self._scripted))
        full = {pool: full_pool(pool, size) for pool in self._documents.pools - provided.keys()}
        return dict(sorted((full | provided).items()))


def full_pool(pool: str, codes: int = _DEFAULT_POOL_SIZE) -> list[str]:
    """The codes of a pool that no scenario mentions."""
    return [f"{pool.upper()}-{number:04}" for number in range(1, codes + 1)]


def _at(one: tuple[TrackingCall, ScriptedContact]) -> datetime:
    return one[0].at

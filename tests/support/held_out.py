"""Contacts that a holdout draws, or does not draw, on a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from journeys.model.holdouts import Holdout
from store.events.ingest import take
from store.events.items import Item
from tests.support.engine import accept
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOW = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
HALF = "holdout: half\nshare: 50%\n"
BOUGHT = "goal: {event: Bought, value: total}"
PERIOD = "active: {to: '2026-05-04'}"
AGAIN = f"re_entry: always\n{BOUGHT}"


def journey(key: str, entry: str, rules: str = BOUGHT) -> str:
    return f"journey: {key}\nentry: {entry}\n{rules}\nsteps: [{{id: stand, wait: 60d}}]\n"


def ids(document: str, *, held: bool) -> Iterator[UUID]:
    """Ids of contacts that a holdout of this key and share draws, or does not draw."""
    share = Holdout.model_validate({"holdout": document, "share": "50%"})
    while True:
        contact = uuid4()
        if share.draws(contact) is held:
            yield contact


HELD, FREE = next(ids("half", held=True)), next(ids("half", held=False))


class Scene(TimedEngine):
    """The engine with what the tests ask of it."""

    async def contact(self, contact: UUID, **attributes: Any) -> UUID:
        """A contact with an id that a holdout draws, or does not draw."""
        await self._rows(
            "insert into contact (id, external_id, attributes) values (%s, %s, %s) returning 1",
            contact, contact.hex, Jsonb(attributes),
        )  # fmt: skip
        return contact

    async def both(self, **attributes: Any) -> tuple[UUID, UUID]:
        """One that is held out, and one that is not."""
        return await self.contact(HELD, **attributes), await self.contact(FREE, **attributes)

    async def event(self, contact: UUID, name: str, **properties: Any) -> int:
        """An event, dispatched."""
        event_id = await accept(self.pool, contact, name, properties)
        await self.work()
        return event_id

    async def item(self, **fields: Any) -> None:
        """A tracking call, dispatched."""
        fields.setdefault("message_id", uuid4().hex)
        await take(self.pool, [Item(**fields)], limit_per_minute=1_000_000)
        await self.work()

    async def entered(self, journey: str | None = None) -> list[UUID]:
        """The contacts with a run of a journey, or of any, in the order of their starts."""
        rows = await self._rows(
            "select contact_id from run where %s::text is null or journey = %s order by id",
            journey, journey,
        )  # fmt: skip
        return [contact for (contact,) in rows]

    async def refused(self) -> list[tuple[UUID, str, str]]:
        """Contact, journey and code of refused entries, in order."""
        return await self._rows("select contact_id, journey, code from refusal order by id")

    async def observed(self) -> list[tuple[Any, ...]]:
        """Contact, journey, whether it was held out, whether its goal was met, and the value."""
        rows = await self._rows(
            "select contact_id, journey, held, met_event_id is not null, value::float8"
            " from holdout_observation order by id"
        )
        return [tuple(row) for row in rows]

    async def firsts(self) -> list[tuple[str, bool]]:
        """The journeys of observations, and whether each is the first of its contact."""
        rows = await self._rows(
            "select journey, is_first from holdout_observation order by observed_at, id"
        )
        return [tuple(row) for row in rows]

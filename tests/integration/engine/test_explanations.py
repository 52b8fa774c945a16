"""Why a contact got a message or not: each gate, on the real engine."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.definitions.catalog import Catalog
from store.reports.explain import Explanation, explain
from tests.support.conditions import eventually
from tests.support.engine import Engine

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def why(
    pool: Pool, contact: UUID, journey: str, step: str | None = None, **more: Any
) -> Explanation:
    async with pool.connection() as conn:
        found = await explain(
            conn, Catalog(), contact=contact, name="ada", journey=journey, step=step, **more
        )
    assert found is not None
    return found


CART = """
journey: cart
entry:
  - {event: Cart Updated, where: {total: {gte: 50}}, if: {attribute: country, is: FR}}
exit: {event: Order Completed}
steps:
  - {id: pause, wait: {event: Later, up_to: 2d}}
  - {id: hello, email: {subject: S, text: T, topic: offers}}
---
topic: offers
name: Offers
default: opt_in
"""


async def test_a_where_that_does_not_hold(engine: Engine) -> None:
    await engine.activate(CART)
    ada = await engine.contact(email="a@example.com", attributes={})
    found = await why(engine.pool, ada, "cart", "hello")
    assert (found.result, found.reason) == ("not_entered", "no_event")
    await engine.event(ada, "Cart Updated", total=20)

    async def dispatched() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select count(*) from outbox")
            row = await cursor.fetchone()
            return row is not None and row[0] == 0

    await eventually(dispatched)
    found = await why(engine.pool, ada, "cart", "hello")
    assert (found.result, found.reason) == ("not_entered", "no_match"), found
    failed = next(gate for gate in found.gates if gate.passed is False)
    assert failed.gate == "where"
    assert failed.saw == {}
    assert failed.part is not None
    assert [(each.words, each.holds, each.saw) for each in failed.part.parts] == [
        ("total is at least 50", False, {"property total": 20})
    ]

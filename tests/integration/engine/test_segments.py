"""Segments: wherever a condition stands, and what becomes of runs when one changes."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from store.definitions.catalog import Catalog
from store.definitions.documents import lock_catalog, save_document
from store.waits.listeners import first_fired
from tests.support.engine import Engine, accept, activate, make_contact
from tests.support.racing import entered_runs
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

EVERYWHERE = """
journey: everywhere
entry: {event: Begun, if: {segment: french}}
exit: [{if: {all: [{segment: good}, {group: leaving}]}}]
steps:
  - {id: not-good, if: {segment: good}, update: {set: {seen: wrong}}}
  - id: kind
    branch:
      - {name: good, if: {segment: good}, then: []}
      - {name: french, if: {segment: french}, then: []}
  - {id: becomes, wait: {if: {segment: good}, up_to: 30d}}
  - {id: mail, if: {segment: good}, email: {subject: S, text: T, transactional: true}}
  - {id: stand, wait: {event: Never}}
---
segment: french
if: {attribute: country, is: FR}
---
segment: good
if: {all: [{segment: french}, {event: Order Completed, sum: {total: {gte: 100}}, within: 1y}]}
"""
ENTERING = """
journey: entering
entry: {event: Begun, if: {segment: chosen}}
re_entry: always
steps: [{id: stand, wait: {event: Never}}]
---
segment: chosen
if: {segment: inner}
---
segment: inner
if: {attribute: country, is: FR}
"""
LEAVING = """
journey: leaving
entry: {event: Begun}
exit: [{if: {segment: chosen}}]
steps: [{id: stand, wait: {event: Never}}]
---
journey: plain
entry: {event: Begun}
exit: [{if: {attribute: country, is: FR}}]
steps: [{id: stand, wait: {event: Never}}]
---
segment: chosen
if: {attribute: country, is: FR}
"""
WAITING = """
journey: waiting
entry: {event: Begun}
steps:
  - {id: chosen, wait: {if: {segment: chosen}}}
---
segment: chosen
if: {attribute: country, is: FR}
"""


async def save_segment(pool: Pool, key: str, condition: dict[str, Any]) -> None:
    """Save a segment as the API does."""
    async with pool.connection() as conn, conn.transaction():
        await lock_catalog(conn)
        document = {"segment": key, "if": condition}
        assert (await save_document(conn, "segment", key, document, "")).changed


async def test_a_segment_stands_wherever_a_condition_may(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(EVERYWHERE)
    german = await engine.contact(country="DE")
    contact = await engine.contact(country="FR", email="ada@example.com")
    await engine.event(german, "Begun")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "becomes")
    await engine.event(contact, "Order Completed", total=60)
    await engine.event(contact, "Order Completed", total=40)
    run = await engine.standing_at(contact, "stand")
    seen = {visit["step"]: visit for visit in await engine.visits(run["id"])}
    assert {step: visit["outcome"] for step, visit in seen.items()} == {
        "not-good": "skipped", "kind": "french", "becomes": "happened", "mail": "sent",
        "stand": None,
    }  # fmt: skip
    before = {
        "segment french": True, "segment good": False, "attribute country": "FR",
        "sum of total in event Order Completed": 0,
    }  # fmt: skip
    assert seen["not-good"]["facts"]["saw"] == before
    assert seen["kind"]["facts"]["saw"] == {"segment french": True, "attribute country": "FR"}
    after = {
        **before, "segment good": True, "sum of total in event Order Completed": 100,
    }  # fmt: skip
    assert seen["becomes"]["facts"]["saw"] == after
    assert len(smtp_sink.messages) == 1
    async with engine.pool.connection() as conn:
        await conn.execute("insert into group_member values (%s, 'leaving')", (contact,))
    await engine.event(contact, "Browsed")
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("exited", "condition")
    assert await runs_of(engine.pool, german) == 0


async def runs_of(pool: Pool, contact: UUID) -> int:
    async with pool.connection() as conn:
        cursor = await conn.execute("select count(*) from run where contact_id = %s", (contact,))
        [[count]] = await cursor.fetchall()
    return int(count)


async def test_an_entry_is_judged_by_the_segment_as_it_is_now(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, ENTERING)
    dispatcher = Dispatcher(pool, temporal_client, Catalog())
    french, german = await make_contact(pool, country="FR"), await make_contact(pool, country="DE")

    async def enter() -> tuple[int, int]:
        for contact in (french, german):
            await accept(pool, contact, "Begun", {})
        await dispatcher.drain()
        async with pool.connection() as conn:
            await conn.execute("update run set state = 'ended', outcome = 'completed'")
        return await runs_of(pool, french), await runs_of(pool, german)

    assert await enter() == (1, 0)
    await save_segment(pool, "inner", {"attribute": "country", "is": "DE"})
    assert await enter() == (1, 1)
    await save_segment(pool, "chosen", {"group": "empty"})
    assert await enter() == (1, 1)


async def test_a_wait_sees_a_changed_segment_within_seconds(engine: Engine) -> None:
    await engine.activate(WAITING)
    contact = await engine.contact(country="DE")
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "chosen")
    await save_segment(engine.pool, "chosen", {"attribute": "country", "is": "DE"})
    assert (await engine.ended(contact, timeout=15))["outcome"] == "completed"
    [visit] = await engine.visits(run["id"])
    assert visit["facts"]["saw"] == {"segment chosen": True, "attribute country": "DE"}


async def test_an_exit_follows_the_segment_and_a_version_without_one_asks_for_nothing(
    pool: Pool,
) -> None:
    await activate(pool, LEAVING)
    catalog = Catalog()
    [run] = await entered_runs(pool, catalog, "leaving", 1)
    async with pool.connection() as conn:

        async def left() -> bool:
            definition = await catalog.definition(conn, "leaving", 1)
            assert definition.exits is not None
            return await first_fired(conn, definition.exits, run_id=run.run_id, visit=0) is not None

        assert not await left()
        plain = await catalog.definition(conn, "plain", 1)
        before = await catalog.definition(conn, "leaving", 1)
        assert await catalog.definition(conn, "leaving", 1) is before
        await save_segment(pool, "chosen", {"attribute": "country", "exists": False})
        assert await left()
        assert await catalog.definition(conn, "leaving", 1) is not before
        assert await catalog.definition(conn, "plain", 1) is plain
        # It does not even ask for the revision.
        await conn.execute("drop table catalog")
        assert await catalog.definition(conn, "plain", 1) is plain

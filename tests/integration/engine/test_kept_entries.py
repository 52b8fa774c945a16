"""Entries that are kept while a journey is paused (`while_paused: keep`) come in afterwards."""

from typing import Any
from uuid import UUID

import httpx

from tests.integration.engine.test_pauses_of_all import call
from tests.integration.engine.test_repairs import engine, http_server, operator
from tests.integration.engine.test_retried_sends import Pool
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept

__all__ = ["engine", "http_server", "operator"]

ORDERS = """
journey: orders
while_paused: keep
entry: {event: Ordered, key: order, where: {total: {gt: 0}}, if: {attribute: country, is: FR}}
exit: [{event: Order Cancelled, where: {order: {entry: order}}}]
steps:
  - {id: stand, wait: {event: Shipped, up_to: 30d}}
"""


async def refusals(pool: Pool) -> list[tuple[Any, ...]]:
    """Key and code of each refusal, in the order of their events."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select key, code from refusal order by event_id")
        return await cursor.fetchall()


async def kept(pool: Pool) -> list[tuple[Any, ...]]:
    """Key and event of each kept entry."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select key, event_id from kept_entry order by event_id")
        return await cursor.fetchall()


async def runs(pool: Pool) -> dict[tuple[UUID, str], tuple[Any, ...]]:
    """By contact and key: the entry's number, state, outcome, and whether it began by its event."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select contact_id, key, entry ->> 'n', state, outcome, entry_event_id = entry_ref"
            " from run"
        )
        return {(contact, key): tuple(more) for contact, key, *more in await cursor.fetchall()}


async def order(engine: Engine, contact: UUID, key: str, n: int, total: int = 5) -> None:
    """An order, which is dispatched."""
    await accept(engine.pool, contact, "Ordered", {"order": key, "n": n, "total": total})
    engine.dispatcher.nudge()


async def dispatched(engine: Engine) -> None:
    """Once no event is left to dispatch."""

    async def none_left() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select count(*) from outbox")
            return await cursor.fetchone() == (0,)

    await eventually(none_left, 20)


async def test_kept_entries_come_in_when_the_journey_goes_on(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(ORDERS)
    ada = await engine.contact(attributes={}, country="FR")
    bob = await engine.contact(attributes={}, country="FR")
    assert (await operator.post("/v1/journeys/orders/pause")).is_success
    for contact, key, n, total in (
        (ada, "A", 1, 5), (ada, "A", 2, 5), (ada, "B", 3, 5), (bob, "C", 4, 5), (bob, "D", 5, 0),
        (ada, "E", 6, 5),
    ):  # fmt: skip
        await order(engine, contact, key, n, total)
        await dispatched(engine)
    assert [key for key, _ in await kept(engine.pool)] == ["A", "B", "C", "E"]
    # Of one key the newest is kept; what its `where` lets not in is no entry.
    assert await refusals(engine.pool) == [("A", "paused")]
    assert await runs(engine.pool) == {}
    listed = (await operator.get("/v1/events", params={"name": "Ordered"})).json()["items"]
    assert {each["properties"]["n"]: each["kept"] for each in listed} == {
        1: [], 2: ["orders"], 3: ["orders"], 4: ["orders"], 5: [], 6: ["orders"],
    }  # fmt: skip
    assert [each["properties"]["n"] for each in listed if each["why_nothing"]] == [5]
    # Meanwhile an order is cancelled, and bob moves away.
    await engine.event(ada, "Order Cancelled", order="E")
    async with engine.pool.connection() as conn:
        await conn.execute("update contact set country = 'BE' where id = %s", (bob,))
    await dispatched(engine)
    resumed = (await operator.post("/v1/journeys/orders/resume", json={})).json()
    assert resumed["job"] is not None

    async def done() -> bool:
        job = (await operator.get(f"/v1/jobs/{resumed['job']}")).json()
        return bool(job["state"] == "done")

    await eventually(done, 30)
    assert await kept(engine.pool) == []

    async def expected() -> bool:
        return await runs(engine.pool) == {
            (ada, "A"): ("2", "active", None, True),
            (ada, "B"): ("3", "active", None, True),
            # Its exit came after its event, as if the journey had never been paused.
            (ada, "E"): ("6", "ended", "exited", True),
        }

    await eventually(expected, 30)
    assert await refusals(engine.pool) == [("A", "paused"), ("C", "if")]
    # They stand at their steps, and new entries come in as ever.
    await order(engine, bob, "F", 7)
    await dispatched(engine)
    assert (bob, "F") not in await runs(engine.pool)
    await engine.event(ada, "Shipped")

    async def shipped() -> bool:
        found = await runs(engine.pool)
        return [found[ada, key][2] for key in "AB"] == ["completed", "completed"]

    await eventually(shipped, 30)


async def test_without_it_they_are_refused_as_before(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(ORDERS.replace("while_paused: keep", "while_paused: refuse"))
    ada = await engine.contact(attributes={}, country="FR")
    assert (await operator.post("/v1/journeys/orders/pause")).is_success
    await order(engine, ada, "A", 1)
    await dispatched(engine)
    assert await refusals(engine.pool) == [("A", "paused")]
    resumed = (await operator.post("/v1/journeys/orders/resume", json={})).json()
    assert resumed["job"] is None
    assert await runs(engine.pool) == {}


async def test_an_entry_is_kept_for_a_week_and_survives_another_pause(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(ORDERS)
    ada = await engine.contact(attributes={}, country="FR")
    assert (await operator.post("/v1/journeys/orders/pause")).is_success
    for key, days in (("old", 7.1), ("young", 6.9)):
        await order(engine, ada, key, 1)
        await dispatched(engine)
        async with engine.pool.connection() as conn:
            await conn.execute(
                "update event set stamped_at = stamped_at - make_interval(hours => %s)"
                " where id = (select event_id from kept_entry where key = %s)",
                (int(days * 24), key),
            )
    job = (await operator.post("/v1/journeys/orders/resume", json={})).json()["job"]

    async def done() -> bool:
        return bool((await operator.get(f"/v1/jobs/{job}")).json()["state"] == "done")

    await eventually(done, 30)
    assert {key for _, key in await runs(engine.pool)} == {"young"}
    assert await refusals(engine.pool) == [("old", "late")]


async def test_entries_that_no_job_has_seen_are_admitted_by_the_reconciliation(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(ORDERS)
    ada = await engine.contact(attributes={}, country="FR")
    assert (await operator.post("/v1/journeys/orders/pause")).is_success
    await order(engine, ada, "A", 1)
    await dispatched(engine)
    async with engine.pool.connection() as conn:
        # As if the dispatcher had kept it in the moment of the resumption.
        await conn.execute("update journey set state = 'active'")
        await conn.execute("update kept_entry set kept_at = kept_at - interval '1 minute'")

    async def begun() -> bool:
        return set(await runs(engine.pool)) == {(ada, "A")}

    await eventually(begun, 30)
    assert await kept(engine.pool) == []


async def test_a_removed_contact_has_no_kept_entries_and_no_runs(
    engine: Engine, operator: httpx.AsyncClient
) -> None:
    await engine.activate(ORDERS)
    other = ORDERS.replace("journey: orders", "journey: others")
    await engine.activate(other)
    ada = await engine.contact(attributes={}, country="FR")
    bob = await engine.contact(attributes={}, country="FR")
    for contact in (ada, bob):
        await order(engine, contact, "A", 1)
    await dispatched(engine)

    async def begun() -> bool:
        return len(await runs_of_all(engine.pool)) == 4

    await eventually(begun, 20)
    assert (await operator.post("/v1/journeys/orders/pause")).is_success
    await order(engine, ada, "B", 2)
    await dispatched(engine)
    removed = await call(operator, f"/v1/contacts/{ada}/remove", journey="orders")
    assert [each["journey"] for each in removed["ended"]] == ["orders"]
    assert (removed["kept_entries"], removed["more"]) == (1, False)
    found = await runs_of_all(engine.pool)
    assert found[(ada, "orders", "A")] == ("ended", "removed", "operator")
    assert found[(ada, "others", "A")][0] == "active"
    removed = await call(operator, f"/v1/contacts/{ada}/remove")
    assert {each["journey"] for each in removed["ended"]} == {"others"}
    found = await runs_of_all(engine.pool)
    assert {state for (contact, *_), (state, *_) in found.items() if contact == bob} == {"active"}
    assert (await call(operator, f"/v1/contacts/{ada}/remove"))["ended"] == []
    answer = await operator.post(f"/v1/contacts/{ada}/remove", json={"reason": "x", "journey": "n"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_journey")
    answer = await operator.post("/v1/contacts/nope/remove", json={"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_contact")


async def runs_of_all(pool: Pool) -> dict[tuple[UUID, str, str], tuple[Any, ...]]:
    """State, outcome and reason of each run, by contact, journey and key."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select contact_id, journey, key, state, outcome, reason from run"
        )
        return {
            (contact, journey, key): tuple(more)
            for contact, journey, key, *more in await cursor.fetchall()
        }

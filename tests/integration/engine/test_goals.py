"""Goals: which events meet one, also after the run has ended. Tests drive the dispatcher."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.sending.claim import Claimed, claim_send
from api.reports.stats import journey_stats
from dispatch.dispatcher import Dispatcher
from dispatch.goals import record_met_goals_of
from journeys.protocol.payloads import JourneyResult, StepInput, StepResult
from store.definitions.catalog import Catalog
from store.events.ingest import take
from store.events.items import Item
from store.events.run_events import record_run_event
from store.reports.goal_counts import GoalCounts, read_goal
from store.reports.journey_statistics import journey_statistics
from store.runs.lifecycle import end_run
from tests.support.engine import accept, activate, make_contact
from tests.support.erasing import erase
from tests.support.racing import context_of, entered_runs

GOAL = "goal: {event: Bought, value: total}"


class Scene:
    """A contact and a dispatcher that is driven by hand."""

    def __init__(self, pool: AsyncConnectionPool[Any], client: Client) -> None:
        self.pool = pool
        self.catalog = Catalog()
        self.dispatcher = Dispatcher(pool, client, self.catalog)

    async def event(self, contact: UUID, name: str, **properties: Any) -> int:
        """Accept an event and dispatch it; its id."""
        event_id = await accept(self.pool, contact, name, properties)
        await self.dispatcher.drain()
        return event_id

    async def execute(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments)
            return await cursor.fetchall() if cursor.description else []

    async def met(self) -> list[tuple[int | None, float | None]]:
        """By what event, and with what value, the goals were met; in the order of their runs."""
        rows = await self.execute(
            "select g.met_event_id, g.value::float8 from goal g join run r on r.id = g.run_id"
            " order by r.entry_ref, r.id"
        )
        return [(event, value) for event, value in rows]


@pytest.fixture
async def scene(pool: AsyncConnectionPool[Any], temporal_client: Client) -> Scene:
    return Scene(pool, temporal_client)


@pytest.fixture
async def contact(scene: Scene) -> UUID:
    """A contact's id."""
    return await make_contact(scene.pool, email="ada@example.com")


def journey(rules: str = GOAL, entry: str = "{event: Cart}") -> str:
    return f"""
journey: cart
entry: {entry}
re_entry: always
{rules}
steps:
  - {{id: stand, wait: {{event: Never}}}}
"""


async def test_the_first_event_after_the_entry_meets_it(scene: Scene, contact: UUID) -> None:
    await activate(scene.pool, journey("goal: {event: Cart, value: total}"))
    await scene.event(contact, "Cart", total=1)
    assert await scene.met() == [(None, None)]
    await scene.event(contact, "Browsed", total=2)
    first = await accept(scene.pool, contact, "Cart", {"total": 3})
    await accept(scene.pool, contact, "Cart", {"total": 4})
    await scene.dispatcher.drain()
    assert await scene.met() == [(first, 3)]
    await scene.event(contact, "Cart", total=5)
    assert await scene.met() == [(first, 3)]


async def test_an_event_that_comes_with_the_entry_meets_the_run_that_it_begins(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey())
    await accept(scene.pool, contact, "Bought", {"total": 1})
    await accept(scene.pool, contact, "Cart", {})
    bought = await accept(scene.pool, contact, "Bought", {"total": 2})
    await scene.dispatcher.drain()
    assert await scene.met() == [(bought, 2)]


@pytest.mark.parametrize("outcome", ["completed", "exited", "removed", "failed"])
async def test_it_is_met_however_the_run_has_ended(
    scene: Scene, contact: UUID, outcome: str
) -> None:
    await activate(scene.pool, journey())
    await scene.event(contact, "Cart")
    [[run]] = await scene.execute("select id from run")
    async with scene.pool.connection() as conn:
        await end_run(conn, run, outcome, None)
    bought = await scene.event(contact, "Bought", total=7)
    assert await scene.met() == [(bought, 7)]


@pytest.mark.parametrize("outcome", ["restarted", "merged"])
async def test_that_of_a_run_that_was_replaced_is_not_met(
    scene: Scene, contact: UUID, outcome: str
) -> None:
    await activate(scene.pool, journey())
    await scene.event(contact, "Cart")
    [[run]] = await scene.execute("select id from run")
    async with scene.pool.connection() as conn:
        await end_run(conn, run, outcome, None)
    await scene.event(contact, "Bought", total=7)
    assert await scene.met() == [(None, None)]


@pytest.mark.parametrize("if_active", ["debounce", "restart"])
async def test_three_carts_and_one_order_are_one_entry_and_one_goal(
    scene: Scene, contact: UUID, if_active: str
) -> None:
    await activate(scene.pool, journey(f"{GOAL}\nif_active: {if_active}"))
    for total in (1, 2, 3):
        await scene.event(contact, "Cart", total=total)
    bought = await scene.event(contact, "Bought", total=30)
    assert await scene.met() == [(None, None), (None, None), (bought, 30)]
    async with scene.pool.connection() as conn:
        counted = await journey_statistics(conn, "cart")
    assert counted is not None
    assert (counted.entered, counted.active, counted.ends) == (1, 1, {"restarted": 2})
    assert counted.goal == GoalCounts(met=1, value=30)


async def test_values_beyond_any_price_are_left_out_and_figures_stay_finite(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey(entry="{event: Cart, key: cart}"))
    for cart in ("a", "b", "c", "d"):
        await scene.event(contact, "Cart", cart=cart)
    await scene.event(contact, "Bought", total=1.7e308)
    assert {value for _, value in await scene.met()} == {None}
    # As values were kept before they had a limit.
    await scene.execute("update goal set value = 1.7e308::numeric")
    await scene.execute(
        "update goal set value = 10.5 where run_id = (select run_id from goal limit 1)"
    )
    async with scene.pool.connection() as conn:
        counted = await journey_statistics(conn, "cart")
        assert counted is not None
        assert counted.goal == GoalCounts(met=4, value=10.5)
        runs = await scene.execute("select run_id from goal order by value")
        goals = [await read_goal(conn, run) for [run] in runs]
    assert [goal.value for goal in goals if goal is not None] == [10.5, None, None, None]
    assert json.loads(json.dumps(journey_stats(counted), allow_nan=False))["goal"]["value"] == 10.5


async def test_a_paused_or_archived_journey_goes_on_measuring(scene: Scene, contact: UUID) -> None:
    await activate(scene.pool, journey())
    for state in ("paused", "archived"):
        await scene.execute("update journey set state = 'active'")
        await scene.execute("update catalog set revision = revision + 1")
        await scene.event(contact, "Cart", state=state)
        await scene.execute("update run set state = 'ended', outcome = 'completed'")
        await scene.execute("update journey set state = %s", state)
        await scene.execute("update catalog set revision = revision + 1")
        bought = await scene.event(contact, "Bought")
        assert (await scene.met())[-1] == (bought, None)


async def test_a_round_that_is_repeated_changes_nothing(scene: Scene, contact: UUID) -> None:
    await activate(scene.pool, journey())
    await scene.event(contact, "Cart")
    first = await scene.event(contact, "Bought", total=1)
    before = await scene.execute("select * from goal")
    # As if everything had died before the round's end.
    again = [first, await accept(scene.pool, contact, "Bought", {"total": 2})]
    await scene.execute(
        "insert into outbox (contact_id, event_id) select %s, unnest(%s::bigint[])"
        " on conflict do nothing",
        contact, again,
    )  # fmt: skip
    await scene.dispatcher.drain()
    assert await scene.execute("select * from goal") == before


async def test_a_crash_before_a_goal_is_noted_loses_nothing(
    scene: Scene, contact: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await activate(scene.pool, journey())
    await scene.event(contact, "Cart")

    class Killed(BaseException):
        """The process ends here."""

    async def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr("dispatch.round.record_met_goals_of", die)
    with pytest.raises(Killed):
        await scene.event(contact, "Bought", total=1)
    [[bought]] = await scene.execute("select event_id from outbox")
    monkeypatch.setattr("dispatch.round.record_met_goals_of", record_met_goals_of)
    await scene.dispatcher.drain()
    assert await scene.met() == [(bought, 1)]


async def test_each_run_has_its_own(scene: Scene, contact: UUID) -> None:
    rules = "goal: {event: Bought, where: {cart: {entry: cart}, total: {gte: 10}}, value: total}"
    await activate(scene.pool, journey(rules, "{event: Cart, key: cart}"))
    await scene.event(contact, "Cart", cart="a")
    await scene.event(contact, "Cart", cart="b")
    await scene.event(contact, "Bought", cart="b", total=9)
    bought = await scene.event(contact, "Bought", cart="b", total=10)
    assert await scene.met() == [(None, None), (bought, 10)]


async def test_an_event_that_one_run_alone_sees_meets_no_others_goal(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey(entry="{event: Cart, key: cart}"))
    await scene.event(contact, "Cart", cart="a")
    await scene.event(contact, "Cart", cart="b")
    [[first], [_]] = await scene.execute("select id from run order by entry_ref")
    async with scene.pool.connection() as conn, conn.transaction():
        await record_run_event(conn, first, "Bought", {"total": 3}, None)
    await scene.dispatcher.drain()
    [(event, value), other] = await scene.met()
    assert (event is not None, value) == (True, 3)
    assert other == (None, None)


async def test_a_click_on_any_of_the_runs_messages_of_the_step_meets_it(
    scene: Scene, contact: UUID
) -> None:
    rules = "goal: {message: hello, is: clicked, where: {url: {contains: shop}}}"
    hello = "  - {id: hello, sms: {text: t, transactional: true}}\n"
    await activate(scene.pool, journey(rules) + hello)
    await scene.event(contact, "Cart")
    await scene.event(contact, "Cart", more=1)
    [[run]] = await scene.execute("select id from run where state = 'active'")

    async def message(run: UUID, visit: int, step: str) -> str:
        message_id = uuid4()
        await scene.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
            " values (%s, %s, %s, %s, %s, 'sms', 'sent', '')",
            message_id, run, visit, step, contact,
        )  # fmt: skip
        return str(message_id)

    first, _second = await message(run, 1, "hello"), await message(run, 2, "hello")
    other, foreign = await message(run, 3, "other"), await message(uuid4(), 1, "hello")

    async def click(message_id: str, **more: Any) -> int:
        properties = {"message_id": message_id, "url": "https://shop.example/", **more}
        return await scene.event(contact, "Message Clicked", **properties)

    await click(first, by="machine")
    await click(first, url="https://other.example/")
    await click(other)
    await click(foreign)
    assert await scene.met() == [(None, None)]
    clicked = await click(first, by="unknown")
    assert await scene.met() == [(clicked, None)]


async def test_what_a_visitor_did_before_the_merge_meets_the_known_contacts_goal(
    scene: Scene,
) -> None:
    await activate(scene.pool, journey("goal: {event: Bought, where: {total: {gte: 2}}}"))
    known = await make_contact(scene.pool, external_id="ada")
    await scene.event(known, "Cart")

    async def ingest(item: Item) -> None:
        await take(scene.pool, [item], limit_per_minute=1_000)
        await scene.dispatcher.drain()

    for number, total in enumerate((1, 2, 3)):
        await ingest(
            Item(
                "track", f"m-{number}", anonymous_id="visitor", name="Bought",
                properties=orjson.Fragment(orjson.dumps({"total": total})),
            )
        )  # fmt: skip
    assert await scene.met() == [(None, None)]
    await ingest(Item("identify", "m-9", user_id="ada", anonymous_id="visitor"))
    [[second]] = await scene.execute("""select id from event where properties @> '{"total": 2}'""")
    assert await scene.met() == [(second, None)]


async def test_a_visitors_goal_goes_with_it_and_erasing_deletes_it(scene: Scene) -> None:
    await activate(scene.pool, journey())
    known = await make_contact(scene.pool, external_id="ada")

    async def ingest(*items: Item) -> None:
        await take(scene.pool, items, limit_per_minute=1_000)
        await scene.dispatcher.drain()

    await ingest(Item("track", "m-1", anonymous_id="visitor", name="Cart"))
    await ingest(Item("identify", "m-2", user_id="ada", anonymous_id="visitor"))
    bought = await scene.event(known, "Bought", total=5)
    assert await scene.met() == [(bought, 5)]
    async with scene.pool.connection() as conn, conn.transaction():
        await erase(conn, known)
    assert await scene.execute("select from goal") == []


async def test_a_goal_accepted_before_a_claim_prevents_the_send(
    pool: AsyncConnectionPool[Any],
) -> None:
    await activate(
        pool,
        """
        journey: leaving
        entry: {event: Begun}
        goal: {event: Bought, where: {total: {gte: 10}}, within: 7d}
        exit: [{event: Stop}, goal]
        steps:
          - {id: mail, email: {subject: Hello, text: Hello, transactional: true}}
        """,
    )
    context = context_of(pool)
    runs = await entered_runs(pool, context.catalog, "leaving", 3)
    # None of these events is dispatched.
    await accept(pool, runs[0].contact_id, "Bought", {"total": 10})
    await accept(pool, runs[1].contact_id, "Bought", {"total": 9})
    await accept(pool, runs[2].contact_id, "Bought", {"total": 10})
    results = []
    async with pool.connection() as conn:
        # For the third the goal's time was over before.
        await conn.execute(
            "update goal set until_at = parcours.clock() - interval '1 second' where run_id = %s",
            (runs[2].run_id,),
        )
        for run in runs:
            given = StepInput(run_id=run.run_id, visit=1, step="mail", now=datetime.now(UTC))
            results.append(await claim_send(conn, context, given, "token"))
        cursor = await conn.execute("select run_id from message")
        claimed = {row[0] for row in await cursor.fetchall()}
    ended = StepResult(ended=JourneyResult(outcome="goal", reason="Bought"))
    assert results[0] == ended
    assert [isinstance(result, Claimed) for result in results] == [False, True, True]
    assert claimed == {runs[1].run_id, runs[2].run_id}


async def test_a_goal_ends_the_active_run_before_the_same_event_enters_again(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey("goal: {event: Cart}\nexit: goal"))
    first = await scene.event(contact, "Cart")
    second = await scene.event(contact, "Cart")
    rows = await scene.execute(
        "select entry_event_id, state, outcome, reason, stop_workflow from run order by entry_ref"
    )
    assert rows == [(first, "ended", "goal", "Cart", False), (second, "active", None, None, False)]
    assert await scene.met() == [(second, None), (None, None)]

"""Late events and goals: one that happened before the run began does not meet its goal."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.sending.claim import Claimed, claim_send
from journeys.protocol.payloads import JourneyResult, StepInput, StepResult
from store.events.ingest import take
from store.events.items import Item
from tests.integration.engine.test_goals import Scene, journey
from tests.support.engine import accept, activate, make_contact
from tests.support.racing import context_of, entered_runs

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
async def scene(pool: AsyncConnectionPool[Any], temporal_client: Client) -> Scene:
    return Scene(pool, temporal_client)


@pytest.fixture
async def contact(scene: Scene) -> UUID:
    """A contact's id."""
    return await make_contact(scene.pool, external_id="ada", email="ada@example.com")


async def post(scene: Scene, name: str, ago: timedelta, *, drain: bool = True) -> int:
    """Ingest an event that happened so long ago; its id."""
    message_id = f"{name}-{ago}"
    item = Item(
        "track", message_id, user_id="ada", name=name, properties=orjson.Fragment(b"{}"),
        client_at=datetime.now(UTC) - ago,
    )  # fmt: skip
    await take(scene.pool, [item], limit_per_minute=1_000)
    if drain:
        await scene.dispatcher.drain()
    [[event_id]] = await scene.execute("select id from event where message_id = %s", message_id)
    return int(event_id)


@pytest.mark.parametrize(
    ("entered", "bought", "meets"),
    [
        # Late, and before the run began.
        (timedelta(0), 2 * DAY, False),
        (5 * HOUR, 30 * HOUR, False),
        (timedelta(0), 2000 * DAY, False),
        # Late, but after it: the entry was late, too.
        (50 * HOUR, 49 * HOUR, True),
        (50 * HOUR, 51 * HOUR, False),
        # Not late: the clock of another client is behind, or the order was sent hours later.
        (timedelta(0), 3 * SECOND, True),
        (timedelta(0), 2 * HOUR, True),
        (5 * HOUR, 4 * HOUR, True),
        (5 * HOUR, 6 * HOUR, True),
    ],
)
async def test_a_late_event_meets_a_goal_only_if_it_happened_after_the_run_began(
    scene: Scene, contact: UUID, entered: timedelta, bought: timedelta, meets: bool
) -> None:
    await activate(scene.pool, journey(entry="{event: Cart, max_age: 90d}"))
    await post(scene, "Cart", entered)
    event_id = await post(scene, "Bought", bought)
    assert await scene.met() == [(event_id if meets else None, None)]
    later = await post(scene, "Bought", timedelta(0))
    assert await scene.met() == [(event_id if meets else later, None)]


@pytest.mark.parametrize(
    ("entry", "ago", "meets"),
    [
        ("{event: Cart, max_age: 2h}", 3 * HOUR, False),
        ("{event: Cart, max_age: 2h}", HOUR, True),
        ("[{event: Cart}, {event: Seen, max_age: 30m}]", HOUR, False),
        ("[{event: Cart}, {api: true}]", 23 * HOUR, True),
        ("[{event: Cart}, {api: true}]", 26 * HOUR, False),
    ],
)
async def test_an_event_is_late_by_the_shortest_max_age(
    scene: Scene, contact: UUID, entry: str, ago: timedelta, meets: bool
) -> None:
    await activate(scene.pool, journey(entry=entry))
    await post(scene, "Cart", timedelta(0))
    event_id = await post(scene, "Bought", ago)
    assert await scene.met() == [(event_id if meets else None, None)]


async def test_an_order_that_follows_before_the_run_is_dispatched_is_not_lost(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey(entry="{event: Cart, max_age: 90d}"))
    await post(scene, "Cart", 50 * HOUR, drain=False)
    bought = await post(scene, "Bought", 50 * HOUR - SECOND, drain=False)
    await scene.execute("update event set stamped_at = stamped_at - interval '1 minute'")
    await scene.dispatcher.drain()
    assert await scene.met() == [(bought, None)]


async def test_a_run_by_a_derived_event_began_with_its_cause(scene: Scene) -> None:
    await activate(scene.pool, journey(entry="{event: Contact Created}"))
    cause = await post(scene, "Cart", 50 * HOUR, drain=False)
    await scene.execute("update event set cause_id = %s where name = 'Contact Created'", cause)
    await scene.dispatcher.drain()
    before = await post(scene, "Bought", 51 * HOUR)
    assert await scene.met() == [(None, None)]
    after = await post(scene, "Bought", 49 * HOUR)
    assert before < after
    assert await scene.met() == [(after, None)]


async def test_of_a_start_by_api_only_what_happened_after_it_counts(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey(entry="{api: true}"))
    [run] = await entered_runs(scene.pool, scene.catalog, "cart", 1)
    await scene.execute("update contact set external_id = null where id = %s", contact)
    await scene.execute("update contact set external_id = 'ada' where id = %s", run.contact_id)
    await post(scene, "Bought", 2 * DAY)
    assert await scene.met() == [(None, None)]
    bought = await post(scene, "Bought", -SECOND)
    assert await scene.met() == [(bought, None)]


async def test_a_restarted_run_begins_with_its_own_entry(scene: Scene, contact: UUID) -> None:
    await activate(scene.pool, journey("goal: {event: Bought}\nif_active: restart",
                                       "{event: Cart, max_age: 90d}"))  # fmt: skip
    await post(scene, "Cart", 50 * HOUR)
    await post(scene, "Cart", timedelta(0))
    await post(scene, "Bought", 49 * HOUR)
    assert await scene.met() == [(None, None), (None, None)]


async def test_what_a_visitor_did_late_counts_after_a_merge_by_its_own_time(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey())
    await post(scene, "Cart", timedelta(0))
    for number, ago in enumerate((2 * DAY, HOUR)):
        item = Item(
            "track", f"v-{number}", anonymous_id="visitor", name="Bought",
            properties=orjson.Fragment(b"{}"), client_at=datetime.now(UTC) - ago,
        )  # fmt: skip
        await take(scene.pool, [item], limit_per_minute=1_000)
    await scene.dispatcher.drain()
    merging = Item("identify", "m-9", user_id="ada", anonymous_id="visitor")
    await take(scene.pool, [merging], limit_per_minute=1_000)
    await scene.dispatcher.drain()
    [[counted]] = await scene.execute("select id from event where message_id = 'v-1'")
    assert await scene.met() == [(counted, None)]


async def test_what_happened_within_the_goals_time_counts_however_late_it_arrives(
    scene: Scene, contact: UUID
) -> None:
    await activate(scene.pool, journey("goal: {event: Bought, within: 3d}"))
    await post(scene, "Cart", timedelta(0))
    await scene.execute(
        "update event set stamped_at = stamped_at - interval '5 days',"
        " client_at = client_at - interval '5 days'"
    )
    await scene.execute("update run set started_at = started_at - interval '5 days'")
    await scene.execute("update goal set until_at = until_at - interval '5 days'")
    await post(scene, "Bought", DAY)
    assert await scene.met() == [(None, None)]
    in_time = await post(scene, "Bought", 3 * DAY)
    assert await scene.met() == [(in_time, None)]


async def test_an_exit_by_goal_goes_by_the_same_time(pool: AsyncConnectionPool[Any]) -> None:
    await activate(
        pool,
        """
        journey: leaving
        entry: {event: Begun}
        goal: {event: Bought}
        exit: [goal]
        steps:
          - {id: mail, email: {subject: Hello, text: Hello, transactional: true}}
        """,
    )
    context = context_of(pool)
    runs = await entered_runs(pool, context.catalog, "leaving", 2)
    results = []
    for run, ago in zip(runs, (2 * DAY, HOUR), strict=True):
        event_id = await accept(pool, run.contact_id, "Bought", {})
        async with pool.connection() as conn:
            await conn.execute(
                "update event set client_at = stamped_at - %s where id = %s", (ago, event_id)
            )
            given = StepInput(run_id=run.run_id, visit=1, step="mail", now=datetime.now(UTC))
            results.append(await claim_send(conn, context, given, "token"))
    assert isinstance(results[0], Claimed)
    assert results[1] == StepResult(ended=JourneyResult(outcome="goal", reason="Bought"))

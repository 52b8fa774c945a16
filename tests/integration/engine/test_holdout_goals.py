"""Goals of those who entered and of those who were held out, on a clock that the test sets."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client

from api.runs.start import start_by_api
from dispatch.observed_goals import judge_observations_again
from store.contacts.merge import merge_contact
from store.definitions.catalog import Catalog
from store.holdouts import observations
from store.reports import holdout_results
from store.retention.removal import remove_old_rows
from tests.support.erasing import erase
from tests.support.held_out import (
    AGAIN,
    FREE,
    HALF,
    HELD,
    NOW,
    Pool,
    Scene,
    ids,
    journey,
)


@pytest.fixture
async def scene(pool: Pool, temporal_client: Client) -> Scene:
    engine = await Scene.begin(pool, temporal_client, NOW)
    assert isinstance(engine, Scene)
    return engine


async def test_goals_of_both_are_measured_alike_within_the_same_window(scene: Scene) -> None:
    goal = "goal: {event: Bought, where: {total: {gte: 5}}, within: 7d, value: total}"
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}', goal)}")
    held, free = await scene.both()
    later = [await scene.contact(next(ids("half", held=each))) for each in (True, False)]
    # What came before the entry counts for neither.
    for contact in (held, free):
        await scene.event(contact, "Bought", total=100)
    for contact in (held, free, *later):
        await scene.event(contact, "Cart")
    await scene.set(NOW + timedelta(days=6, hours=23))
    for contact in (held, free):
        await scene.event(contact, "Bought", total=4)
        await scene.event(contact, "Bought", total=12.5)
        await scene.event(contact, "Bought", total=99)
    await scene.set(NOW + timedelta(days=7, seconds=1))
    for contact in later:
        await scene.event(contact, "Bought", total=50)
    assert await scene.observed() == [
        (held, "cart", True, True, 12.5),
        (free, "cart", False, True, 12.5),
        (later[0], "cart", True, False, None),
        (later[1], "cart", False, False, None),
    ]
    runs = await scene._rows("select contact_id, value::float8 from goal order by met_event_id")
    assert runs == [(free, 12.5), (later[1], None)]


async def test_a_goal_may_ask_for_what_the_entry_said(scene: Scene) -> None:
    goal = (
        "goal: {event: Bought, where: {sku: {entry: sku}, total: {gt: {entry: least}}},"
        " value: total}"
    )
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}', goal)}")
    held, free = await scene.both()
    for contact in (held, free):
        await scene.event(contact, "Cart", sku="a", least=10)
        await scene.event(contact, "Bought", sku="b", total=20)
        await scene.event(contact, "Bought", sku="a", total=10)
    assert [met for *_, met, _ in await scene.observed()] == [False, False]
    for contact in (held, free):
        await scene.event(contact, "Bought", sku="a", total=11)
    assert [(met, value) for *_, met, value in await scene.observed()] == [(True, 11)] * 2


async def test_one_observation_of_a_contact_is_its_first(scene: Scene) -> None:
    await scene.apply(
        f"{HALF}---\n{journey('cart', '{event: Cart}')}---\n{journey('also', '{event: Cart}')}"
        f"---\n{journey('later', '{event: Later}')}"
    )
    held, free = await scene.both()
    await scene.event(held, "Cart")
    await scene.event(held, "Later")
    await scene.set(NOW + timedelta(minutes=1))
    await scene.event(free, "Later")
    firsts = [("also", True), ("cart", False), ("later", False), ("later", True)]
    assert sorted(await scene.firsts()) == firsts
    await scene._rows(
        "delete from holdout_observation where held and journey = 'later' returning 1"
    )
    async with scene.pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact order by id for update")
        await merge_contact(conn, free, held)
    # Of two contacts in one the earlier beginning counts.
    assert sorted(await scene.firsts()) == firsts[:3]


async def test_the_first_entry_of_a_contact_counts_and_others_do_not(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}', AGAIN)}")
    held, _ = await scene.both()
    for _ in range(3):
        await scene.event(held, "Cart")
    assert await scene.refused() == [(held, "cart", "holdout")] * 3
    assert len(await scene.observed()) == 1


async def test_what_a_visitor_did_goes_with_it_and_what_it_was_first_stays(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}', AGAIN)}")
    known = await scene.contact(FREE)
    # The visitor is held out before the known contact enters.
    await scene._rows("insert into contact (id) values (%s) returning 1", HELD)
    await scene._rows("insert into identity values (%s, %s) returning 1", "visitor", HELD)
    await scene.event(known, "Bought", total=100)
    await scene.item(kind="track", anonymous_id="visitor", name="Cart")
    await scene.set(NOW + timedelta(minutes=1))
    await scene.event(known, "Bought", total=3)
    await scene.set(NOW + timedelta(minutes=2))
    await scene.event(known, "Cart")
    assert [each[2:] for each in await scene.observed()] == [
        (True, False, None), (False, False, None)
    ]  # fmt: skip
    await scene.item(kind="identify", user_id=known.hex, anonymous_id="visitor")
    [kept] = await scene.observed()
    assert kept == (known, "cart", True, True, 3)
    assert await scene.firsts() == [("cart", True)]
    async with scene.pool.connection() as conn, conn.transaction():
        await erase(conn, known)
    assert await scene.observed() == []


async def test_goals_of_a_version_that_cannot_be_read_are_judged_once_it_can(scene: Scene) -> None:
    goal = "goal: {event: Bought, where: {total: {gte: 5}}}"
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}', goal)}")
    held, _ = await scene.both()
    await scene.event(held, "Cart")
    break_it = "update journey_version set document = document {} returning 1"
    await scene._rows(break_it.format("""|| '{"goal": 5}'"""))
    scene.catalog = Catalog()
    await scene.event(held, "Bought", total=9)
    assert await scene.observed() == [(held, "cart", True, False, None)]
    assert ("journey cart",) in await scene._rows(
        "select subject from fault where activity = 'goal'"
    )
    await scene._rows(break_it.format("""|| '{"goal": {"event": "Bought"}}'"""))
    async with scene.pool.connection() as conn:
        assert await judge_observations_again(conn, scene.catalog, 9) == []
        assert [each[3] for each in await scene.observed()] == [False]
        await scene.set(NOW + timedelta(minutes=2))
        assert await judge_observations_again(conn, Catalog(), 9) == []
    assert [each[3] for each in await scene.observed()] == [True]
    assert await scene._rows("select look_at from holdout_observation") == [(None,)]


async def test_two_entries_at_once_are_observed_once(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('cart', '{api: true}')}")
    held, _ = await scene.both()
    answers = await asyncio.gather(
        *(
            start_by_api(scene.pool, scene.client, scene.catalog, "cart", str(held), {}, None)
            for _ in range(8)
        )
    )
    assert {answer.status for answer in answers} == {409}
    assert len(await scene.observed()) == 1


async def test_observations_have_their_time(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}')}")
    held, free = await scene.both()
    await scene.event(held, "Cart")
    await scene.set(NOW + timedelta(days=1))
    await scene.event(free, "Cart")
    async with scene.pool.connection() as conn:
        await remove_old_rows(conn, "holdouts", NOW + timedelta(hours=1), 10)
    assert [each[0] for each in await scene.observed()] == [free]


async def test_results_are_read_by_the_holdout_and_its_design(scene: Scene) -> None:
    async with scene.pool.connection() as conn:
        await conn.execute(
            "insert into holdout_observation (holdout, design, journey, version, contact_id, held,"
            " ref, until_at) select 'h' || n % 40, 'd' || n % 7, 'j', 1, gen_random_uuid(), false,"
            " 0, now() from generate_series(1, 20000) n"
        )
        await conn.execute("analyze holdout_observation")
        for query, parameters in (
            (holdout_results._BY_JOURNEY, {"holdout": "h3", "design": "d3"}),
            (holdout_results._OF_ALL, {"holdout": "h3", "design": "d3"}),
            (observations._TO_LOOK_AT, {"limit": 10}),
            (observations._BY_EVENTS, {"events": [1, 2, 3]}),
        ):
            cursor = await conn.execute(f"explain {query}".encode(), parameters)
            plan = "\n".join(line for (line,) in await cursor.fetchall())
            assert "Seq Scan on holdout_observation" not in plan, plan

"""Holdouts: who is kept out on each way into a journey, and whose goals are measured all the same.

The clock is set by the test, and no worker is at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from api.runs.start import start_by_api
from dispatch.observed_goals import judge_observations_again
from journeys.model.holdouts import Holdout
from simulation.document_set import read_document_set
from store.contacts.merge import merge_contact
from store.definitions.catalog import Catalog
from store.entries.admission import EntryRequest, enter
from store.entries.bulk_entry import Entering, enter_contacts, preview_entries
from store.events.ingest import take
from store.events.items import Item
from store.holdouts import observations
from store.operations.jobs import create_job
from store.reports import holdout_results
from store.reports.explain import explain
from store.retention.removal import remove_old_rows
from tests.support.engine import accept
from tests.support.erasing import erase
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


@pytest.fixture
async def scene(pool: Pool, temporal_client: Client) -> Scene:
    engine = await Scene.begin(pool, temporal_client, NOW)
    assert isinstance(engine, Scene)
    return engine


def by_event(name: str, **properties: Any) -> Any:
    async def enter(scene: Scene, contact: UUID) -> None:
        await scene.event(contact, name, **properties)

    return enter


async def by_attribute(scene: Scene, contact: UUID) -> None:
    await scene.identify(contact.hex, {"plan": "pro"})


async def by_group(scene: Scene, contact: UUID) -> None:
    await scene.item(kind="group", user_id=contact.hex, group="vip")


async def by_date(scene: Scene, contact: UUID) -> None:
    await scene.at(NOW + timedelta(hours=2))


async def by_schedule(scene: Scene, contact: UUID) -> None:
    await scene.at(NOW + timedelta(hours=4))


async def by_api(scene: Scene, contact: UUID) -> None:
    answer = await start_by_api(
        scene.pool, scene.client, scene.catalog, "way", str(contact), {}, None
    )
    assert answer.status == (409 if contact == HELD else 201)
    assert answer.body.get("code") == ("holdout" if contact == HELD else None)


WAYS = {
    "event": ("{event: Cart}", by_event("Cart")),
    "attribute": ("{attribute: plan, to: pro}", by_attribute),
    "group": ("{group: vip}", by_group),
    "date": ('{date: {attribute: birthday, every: year, at: "07:00"}}', by_date),
    "schedule": ('{schedule: {cron: "0 9 * * *"}}', by_schedule),
    "api": ("{api: true}", by_api),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_held_out_contact_is_refused_on_every_way_in(scene: Scene, way: str) -> None:
    entry, enter = WAYS[way]
    await scene.apply(f"{HALF}---\n{journey('way', entry)}")
    held, free = await scene.both(birthday="1990-05-04")
    await scene.work()
    await enter(scene, held)
    await enter(scene, free)
    await scene.work()
    assert await scene.entered() == [free]
    assert await scene.refused() == [(held, "way", "holdout")]
    assert sorted(await scene.observed()) == sorted(
        [(held, "way", True, False, None), (free, "way", False, False, None)]
    )


async def test_many_contacts_enter_at_once_but_those_held_out(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('way', '{api: true}')}")
    contacts = [await scene.contact(uuid4()) for _ in range(60)]
    half = Holdout.model_validate({"holdout": "half", "share": "50%"})
    kept_out = {contact for contact in contacts if half.draws(contact)}
    async with scene.pool.connection() as conn, conn.transaction():
        entering = Entering(scene.catalog, await scene.catalog.definition(conn, "way", 1), "", {})
        entered, counts = await preview_entries(conn, entering, contacts)
        assert set(entered) == set(contacts) - kept_out
        assert counts.refused == {"holdout": len(kept_out)}
        job = await create_job(conn, "enter", "way", plan={}, total=60)
        done = await enter_contacts(conn, entering, contacts, job_id=job)
    assert (done.entered, done.refused) == (60 - len(kept_out), {"holdout": len(kept_out)})
    assert set(await scene.entered()) == set(contacts) - kept_out
    observed = {(contact, held) for contact, _, held, *_ in await scene.observed()}
    assert observed == {(contact, contact in kept_out) for contact in contacts}


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


async def test_other_gates_are_asked_before_the_holdout(scene: Scene) -> None:
    entry = "{event: Cart, if: {attribute: country, is: FR}}"
    await scene.apply(f"{HALF}---\n{journey('cart', entry, PERIOD)}")
    held, _ = await scene.both()
    await scene.event(held, "Cart")
    assert (await scene.refused(), await scene.observed()) == ([], [])
    await scene.identify(held.hex, {"country": "FR"})
    await scene.set(NOW + timedelta(days=1))
    await scene.event(held, "Cart")
    assert await scene.refused() == [(held, "cart", "inactive")]
    assert await scene.observed() == []


async def test_an_active_run_is_not_restarted_by_one_who_is_held_out(scene: Scene) -> None:
    await scene.apply(journey("cart", "{event: Cart}", f"if_active: restart\n{BOUGHT}"))
    held, _ = await scene.both()
    await scene.event(held, "Cart")
    await scene.apply(HALF)
    await scene.event(held, "Cart")
    assert await scene._rows("select state from run") == [("active",)]
    assert await scene.refused() == [(held, "cart", "holdout")]


async def test_a_holdout_is_about_its_journeys_its_contacts_and_its_time(scene: Scene) -> None:
    named = "holdout: half\nshare: 50%\njourneys: [cart]\nfrom: '2026-05-04'\nto: '2026-05-04'\n"
    await scene.apply(
        f"{named}if: {{attribute: plan, is: pro}}\n---\n"
        f"{journey('cart', '{event: Cart}')}---\n{journey('other', '{event: Cart}')}"
    )
    held = await scene.contact(HELD, plan="pro")
    free = await scene.contact(FREE, plan="pro")
    abroad = await scene.contact(next(ids("half", held=True)))
    late = await scene.contact(next(ids("half", held=True)), plan="pro")
    for contact in (held, free, abroad):
        await scene.event(contact, "Cart")
    await scene.set(NOW + timedelta(days=1))
    await scene.event(late, "Cart")
    assert await scene.entered("other") == [held, free, abroad, late]
    assert await scene.entered("cart") == [free, abroad, late]
    # Who is not concerned is not compared.
    assert [each[:3] for each in await scene.observed()] == [
        (held, "cart", True), (free, "cart", False)
    ]  # fmt: skip


async def test_who_is_held_out_by_another_holdout_is_compared_by_that_one_alone(
    scene: Scene,
) -> None:
    await scene.apply(
        f"{HALF}---\nholdout: other\nshare: 50%\n---\n{journey('cart', '{event: Cart}')}"
    )
    other = Holdout.model_validate({"holdout": "other", "share": "50%"})
    found = {
        (held, also): next(each for each in ids("half", held=held) if other.draws(each) is also)
        for held in (True, False)
        for also in (True, False)
    }
    for contact in found.values():
        await scene.contact(contact)
        await scene.event(contact, "Cart")
    rows = await scene._rows("select contact_id, holdout, held from holdout_observation")
    assert sorted(rows) == sorted(
        [
            (found[True, False], "half", True),
            (found[False, True], "other", True),
            (found[False, False], "half", False),
            (found[False, False], "other", False),
        ]
    )
    assert await scene.entered() == [found[False, False]]


async def test_a_broken_holdout_is_its_own_fault(scene: Scene) -> None:
    await scene.apply(
        f"{HALF}---\nholdout: bad\nshare: 50%\n---\n{journey('cart', '{event: Cart}')}"
    )
    await scene._rows(
        "update document set document = document || '{\"share\": \"much\"}' where key = 'bad'"
        " returning 1"
    )
    held, free = await scene.both()
    for contact in (held, free):
        await scene.event(contact, "Cart")
    assert await scene.entered() == [free]
    assert [each[:3] for each in await scene.observed()] == [
        (held, "cart", True), (free, "cart", False)
    ]  # fmt: skip
    faults = await scene._rows("select subject, code from fault")
    assert faults == [("holdout bad", "broken_document")]


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


async def test_without_holdouts_nothing_more_is_asked(scene: Scene) -> None:
    await scene.apply(journey("cart", "{event: Cart}", "re_entry: always"))
    held, _ = await scene.both()

    async def statements() -> list[str]:
        """What the entry of a contact asks, once the documents are known."""
        asked: list[str] = []
        async with scene.pool.connection() as conn:
            definition = await scene.catalog.definition(conn, "cart", 1)
            await enter(conn, scene.catalog, definition, EntryRequest(held, uuid4().hex, {}, None))
            execute = conn.execute

            async def noted(query: Any, *arguments: Any, **more: Any) -> Any:
                asked.append(str(query))
                return await execute(query, *arguments, **more)

            request = EntryRequest(held, uuid4().hex, {}, None)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(conn, "execute", noted)
                await enter(conn, scene.catalog, definition, request)
        return asked

    without = await statements()
    await scene.apply("holdout: other\nshare: 0.0001%\njourneys: [another]\n")
    # One that is not about the journey costs nothing either.
    assert len(await statements()) == len(without) >= 3
    await scene.apply("holdout: here\nshare: 0.0001%\n")
    assert len(await statements()) == len(without) + 1


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


async def test_an_explanation_names_the_holdout(scene: Scene) -> None:
    await scene.apply(f"{HALF}---\n{journey('cart', '{event: Cart}')}")
    held, free = await scene.both()

    async def gates(contact: UUID) -> tuple[str | None, list[tuple[bool | None, str, Any]]]:
        async with scene.pool.connection() as conn:
            found = await explain(conn, scene.catalog, contact=contact, name="ada", journey="cart")
        assert found is not None
        gates = [each for each in found.gates if each.gate == "holdout"]
        return found.reason, [(each.passed, each.source, each.saw["held_by"]) for each in gates]

    # As it would be now, and as it was decided.
    assert (await gates(held))[1] == [(False, "now", ["half"])]
    assert (await gates(free))[1] == [(True, "now", [])]
    for contact in (held, free):
        await scene.event(contact, "Cart")
    assert await gates(held) == ("holdout", [(False, "decision", ["half"])])
    assert (await gates(free))[0] is None


async def test_a_simulation_ignores_holdouts(scene: Scene) -> None:
    text = f"{HALF}---\n{journey('cart', '{event: Cart}')}"
    documents = read_document_set([("cart.yaml", text)], "cart")
    async with scene.pool.connection() as conn:
        await documents.save(conn)
    assert await scene._rows("select kind, key from document") == []


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

"""Holdouts: who is kept out, on each way into a journey.

The clock is set by the test, and no worker is at work.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from api.runs.start import start_by_api
from journeys.model.holdouts import Holdout
from simulation.document_set import read_document_set
from store.entries.admission import EntryRequest, enter
from store.entries.bulk_entry import Entering, enter_contacts, preview_entries
from store.operations.jobs import create_job
from store.reports.explain import explain
from tests.support.held_out import (
    BOUGHT,
    FREE,
    HALF,
    HELD,
    NOW,
    PERIOD,
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

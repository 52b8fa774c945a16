"""A visitor who turns out to be known: what the visitor did counts for the runs that wait."""

from uuid import UUID

import orjson

from store.events.ingest import take
from store.events.items import Item
from tests.support.engine import Engine

JOURNEY = """
journey: thanks
entry: {event: Signed Up}
steps:
  - {id: bought, wait: {event: Order Completed, where: {total: 20}, up_to: 30d}}
  - {id: customer, group: {add: [customers]}}
"""


async def test_what_a_visitor_did_before_the_merge_ends_the_wait_of_the_known_contact(
    engine: Engine,
) -> None:
    await engine.activate(JOURNEY)
    known = await engine.contact(external_id="ada")
    await engine.event(known, "Signed Up")
    await engine.standing_at(known, "bought")
    items = [
        Item(
            kind="track",
            message_id="m-1",
            anonymous_id="visitor",
            name="Order Completed",
            properties=orjson.Fragment(b'{"total": 20}'),
        ),
        Item(kind="identify", message_id="m-2", user_id="ada", anonymous_id="visitor"),
    ]
    for item in items:
        [answer] = await take(engine.pool, [item], limit_per_minute=1_000)
        assert answer.message_id == item.message_id
    engine.dispatcher.nudge()
    run = await engine.ended(known)
    assert await engine.path(UUID(str(run["id"]))) == [("bought", "happened"), ("customer", "done")]


async def test_a_condition_that_only_both_contacts_together_meet_ends_the_wait_at_the_merge(
    engine: Engine,
) -> None:
    twice = "{event: Order Completed, within: 30d, count: {gte: 2}}"
    await engine.activate(
        JOURNEY.replace(
            "{event: Order Completed, where: {total: 20}, up_to", f"{{if: {twice}, up_to"
        )
    )
    known = await engine.contact(external_id="ada")
    await engine.event(known, "Signed Up")
    await engine.standing_at(known, "bought")
    await engine.event(known, "Order Completed", total=20)
    items = [
        Item(
            kind="track",
            message_id="m-1",
            anonymous_id="visitor",
            name="Order Completed",
            properties=orjson.Fragment(b'{"total": 20}'),
        ),
        Item(kind="identify", message_id="m-2", user_id="ada", anonymous_id="visitor"),
    ]
    for item in items:
        await take(engine.pool, [item], limit_per_minute=1_000)
    engine.dispatcher.nudge()
    run = await engine.ended(known)
    visit = (await engine.visits(UUID(str(run["id"]))))[0]
    assert (visit["outcome"], visit["facts"]["saw"]) == ("happened", {"event Order Completed": 2})

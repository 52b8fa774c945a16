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

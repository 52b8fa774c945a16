"""Events that the engine derives: they begin runs, end waits and fire exits as others do."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from journeys.model.well_known_events import ENGINE_EVENTS
from store.contacts.rows import find_contact
from store.events.attribute_changes import change_attributes
from store.events.effect_events import EffectRefused
from store.events.ingest import take
from store.events.items import Item
from store.events.recording import refuse_engine_event
from store.events.run_events import record_run_event
from tests.support.conditions import eventually
from tests.support.engine import Engine

WELCOME = """
journey: welcome
entry: [{event: Contact Created}, {event: Group Joined, where: {group: vip}}]
re_entry: always
exit: [{event: Group Left}]
steps:
  - {id: stay, wait: {event: Group Joined, where: {group: gold}, up_to: 30d}}
  - {id: leave, group: {remove: [gold]}}
  - {id: end, wait: 30d}
"""


async def ingest(engine: Engine, *items: Item) -> None:
    await take(engine.pool, items, limit_per_minute=100)
    engine.dispatcher.nudge()


async def contact_of(engine: Engine, external_id: str) -> UUID:
    async with engine.pool.connection() as conn:
        found = await find_contact(conn, external_id)
    assert found is not None
    return found


def call(kind: Any, user: str = "u", **fields: Any) -> Item:
    return Item(kind, str(uuid4()), user_id=user, **fields)


async def one(engine: Engine, statement: str, *arguments: Any) -> Any:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchone()


async def test_a_contact_that_appears_and_joins_groups_enters_waits_and_leaves(
    engine: Engine,
) -> None:
    await engine.activate(WELCOME)
    await ingest(engine, call("track", name="Seen"))
    contact = await contact_of(engine, "u")
    first = await engine.standing_at(contact, "stay")
    await ingest(engine, call("group", group="silver"), call("group", group="gold"))
    run = await engine.ended(contact)
    assert run["id"] == first["id"]
    assert (run["outcome"], run["reason"]) == ("exited", "Group Left")
    assert await engine.path(run["id"]) == [("stay", "happened"), ("leave", "done"),
                                            ("end", "exited")]  # fmt: skip
    await ingest(engine, call("group", group="vip"))
    again = await engine.standing_at(contact, "stay")
    assert again["id"] != first["id"]


CONFIRM = """
topic: news
name: News
default: double
---
journey: confirm
entry: {event: Topic Subscribed}
if_active: refuse
exit: [{event: Topic Subscribed}, {event: Topic Confirmed}]
steps:
  - {id: wait, wait: 30d}
---
journey: letter
entry: {event: Go}
re_entry: always
steps:
  - {id: mail, email: {subject: Hi, text: Hi, topic: news}}
  - {id: text, sms: {text: Hi, topic: news}}
"""


async def test_a_changed_address_is_to_be_confirmed_before_it_is_written_to(
    engine: Engine,
) -> None:
    await engine.activate(CONFIRM)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Topic Confirmed", topic="news")

    async def change(**values: Any) -> None:
        async with engine.pool.connection() as conn, conn.transaction():
            await change_attributes(conn, contact, set_=values, unset=[], add={}, depth=0)
        engine.dispatcher.nudge()

    async def letter() -> list[tuple[str, str | None]]:
        begun_by = await engine.event(contact, "Go")

        async def ended() -> Any:
            return await one(
                engine,
                "select id from run where entry_event_id = %s and state = 'ended'",
                begun_by,
            )

        [run] = await eventually(ended, what="the letter's run to end")
        return await engine.path(run)

    await change(phone="+33612345678")
    # The number was not confirmed; the mail's address was.
    assert await letter() == [("mail", "sent"), ("text", "skipped")]
    await change(email="evil@example.com")
    confirming = await engine.standing_at(contact, "wait")
    assert confirming["journey"] == "confirm"
    # It takes the change as its reference, and its own entry event fires no exit.
    changed, subscribed = await one(
        engine,
        "select cause_id, id from event where name = 'Topic Subscribed' and cause_id is not null",
    )
    assert changed < subscribed
    assert await one(engine, "select ref, entry_ref, entry_event_id from run where id = %s",
                     confirming["id"]) == (changed, changed, subscribed)  # fmt: skip
    assert await letter() == [("mail", "skipped"), ("text", "skipped")]
    await engine.event(contact, "Topic Confirmed", topic="news")
    assert await letter() == [("mail", "sent"), ("text", "sent")]
    assert await one(engine, "select outcome, reason from run where id = %s", confirming["id"]) == (
        "exited",
        "Topic Confirmed",
    )


CLICK = """
journey: clicks
entry: {event: Go}
steps:
  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}
  - {id: opened, wait: {message: mail, is: opened, up_to: 1d}}
  - id: asked
    branch:
      - {name: "yes", if: {message: mail, is: opened}, then: []}
"""


async def test_a_click_ends_a_wait_for_an_open(engine: Engine) -> None:
    await engine.activate(CLICK)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "opened")
    await engine.event(contact, "Message Clicked", step="mail")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [
        ("mail", "sent"), ("opened", "happened"), ("asked", "yes"),
    ]  # fmt: skip
    assert await one(
        engine, "select count(*), count(opened_at), count(clicked_at) from message"
    ) == (1, 1, 1)


@pytest.mark.parametrize("name", sorted(ENGINE_EVENTS))
async def test_what_the_engine_alone_records_is_refused_elsewhere(name: str) -> None:
    with pytest.raises(EffectRefused, match="the engine alone records"):
        refuse_engine_event(name)


async def test_a_run_is_sent_no_event_that_the_engine_alone_records(engine: Engine) -> None:
    async with engine.pool.connection() as conn:
        with pytest.raises(EffectRefused, match="Contact Created"):
            await record_run_event(conn, uuid4(), "Contact Created", {}, None)

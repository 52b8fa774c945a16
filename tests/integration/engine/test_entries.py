"""Entries: which events and starts by API begin a run, and what becomes of the others.

No worker is at work: dispatchers are driven by hand, so runs stay where they were begun.
"""

import asyncio
import random
import string
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCStatusCode

from api.runs.start import StartAnswer, start_by_api
from devstack.ports import free_port
from dispatch.dispatcher import Dispatcher
from dispatch.temporal import TemporalAway
from infra.clients import connect_temporal, open_pool
from infra.settings import Settings
from store.definitions.catalog import Catalog
from tests.support.bystanders import FaultyTemporal
from tests.support.cables import cable
from tests.support.engine import accept, activate, make_contact
from tests.support.racing import at_work, eventually_none, in_turn


class Entrance:
    """A dispatcher, starts by API, and what they led to."""

    def __init__(self, pool: AsyncConnectionPool[Any], client: Client) -> None:
        self.pool = pool
        self.client = client
        self.catalog = Catalog()
        self.dispatcher = Dispatcher(pool, client, self.catalog, poll=0.05)

    async def event(self, contact: UUID, name: str, **properties: Any) -> int:
        """Accept an event and dispatch it; its id."""
        event_id = await accept(self.pool, contact, name, properties)
        await self.dispatcher.drain()
        return event_id

    async def start(
        self, journey: str, contact: UUID | str, key: str | None = None, **properties: Any
    ) -> StartAnswer:
        """Start a run by API."""
        return await start_by_api(
            self.pool, self.client, self.catalog, journey, str(contact), properties, key
        )

    async def execute(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments)
            return await cursor.fetchall() if cursor.description else []

    async def runs(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """State, outcome and entry of all runs, the oldest first."""
        rows = await self.execute("select state, outcome, entry from run order by started_at, id")
        return [(state, outcome, entry) for state, outcome, entry in rows]

    async def refusals(self) -> list[tuple[int | None, str]]:
        """Event and code of all refused entries, in order."""
        rows = await self.execute("select event_id, code from refusal order by id")
        return [(event_id, code) for event_id, code in rows]


@pytest.fixture
async def entrance(pool: AsyncConnectionPool[Any], temporal_client: Client) -> Entrance:
    return Entrance(pool, temporal_client)


@pytest.fixture
async def contact(entrance: Entrance) -> UUID:
    """A contact's id."""
    return await make_contact(entrance.pool)


def journey(rules: str = "", entry: str = "{event: Cart}") -> str:
    return f"""
journey: cart
entry: {entry}
{rules}
steps:
  - {{id: stand, wait: {{event: Never}}}}
"""


async def test_concurrent_entries_leave_one_active_run_for_each_contact_and_key(
    settings: Settings, entrance: Entrance
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "{event: Cart, key: cart}"))
    contacts = [await make_contact(entrance.pool) for _ in range(30)]
    other = await open_pool(settings, min_size=4, max_size=4)
    async with other:
        second = Dispatcher(other, entrance.client, Catalog(), poll=0.01)

        async def crowd(contact: UUID) -> None:
            tries: list[Any] = []
            for cart in ("a", "b"):
                tries += [accept(entrance.pool, contact, "Cart", {"cart": cart}) for _ in range(3)]
                tries += [entrance.start("cart", contact, cart=cart) for _ in range(2)]
            await asyncio.gather(*tries)

        async with at_work(entrance.dispatcher.run(), second.run()):
            await in_turn(3, [partial(crowd, contact) for contact in contacts])
            await eventually_none(entrance.pool, "select from outbox")
    [[runs, active, keys]] = await entrance.execute(
        "select count(*), count(*) filter (where state = 'active'),"
        " count(distinct (contact_id, key)) from run"
    )
    assert (runs, active, keys) == (60, 60, 60)
    refused = await entrance.execute("select code, count(*) from refusal group by code")
    # Five tries for each contact and key.
    assert refused == [("active", 60 * 4)]


async def test_an_event_that_is_dispatched_again_begins_nothing_again(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always\nif_active: restart"))
    event_id = await entrance.event(contact, "Cart")
    await entrance.execute(
        "insert into outbox (contact_id, event_id) values (%s, %s)", contact, event_id
    )
    await entrance.dispatcher.drain()
    assert [state for state, *_ in await entrance.runs()] == ["active"]
    assert await entrance.refusals() == []


async def end_all(entrance: Entrance, ago: str = "0") -> None:
    """End all runs, as if they had begun so long ago."""
    await entrance.execute(
        "update run set state = 'ended', outcome = 'completed', ended_at = now(),"
        " started_at = started_at - %s::interval",
        ago,
    )


async def test_a_contact_enters_once_by_default(entrance: Entrance, contact: UUID) -> None:
    await activate(entrance.pool, journey())
    await entrance.event(contact, "Cart")
    await end_all(entrance, "10 years")
    again = await entrance.event(contact, "Cart")
    assert len(await entrance.runs()) == 1
    assert await entrance.refusals() == [(again, "re_entry")]


async def test_a_contact_enters_again_where_re_entry_is_always(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always"))
    await entrance.event(contact, "Cart")
    await end_all(entrance)
    await entrance.event(contact, "Cart")
    assert [state for state, *_ in await entrance.runs()] == ["ended", "active"]
    assert await entrance.refusals() == []


@pytest.mark.parametrize(("ago", "enters"), [("6 days 23 hours", False), ("7 days 1 hour", True)])
async def test_re_entry_after_counts_from_the_last_runs_start(
    entrance: Entrance, contact: UUID, ago: str, enters: bool
) -> None:
    await activate(entrance.pool, journey("re_entry: {after: 7d}\ntimezone: UTC"))
    await entrance.event(contact, "Cart")
    await end_all(entrance, ago)
    again = await entrance.event(contact, "Cart")
    assert len(await entrance.runs()) == 1 + enters
    assert await entrance.refusals() == ([] if enters else [(again, "re_entry")])


async def test_re_entry_counts_each_key_by_itself(entrance: Entrance, contact: UUID) -> None:
    await activate(entrance.pool, journey(entry="{event: Cart, key: cart.id}"))
    await entrance.event(contact, "Cart", cart={"id": "a"})
    await entrance.event(contact, "Cart", cart={"id": 7})
    await end_all(entrance)
    again = await entrance.event(contact, "Cart", cart={"id": "7"})
    assert await entrance.execute("select key from run order by key") == [("7",), ("a",)]
    assert await entrance.refusals() == [(again, "re_entry")]


async def test_an_active_run_refuses_an_entry_by_default(entrance: Entrance, contact: UUID) -> None:
    await activate(entrance.pool, journey("re_entry: always"))
    await entrance.event(contact, "Cart", total=1)
    again = await entrance.event(contact, "Cart", total=2)
    assert await entrance.runs() == [("active", None, {"total": 1})]
    assert await entrance.refusals() == [(again, "active")]


async def claim(entrance: Entrance, contact: UUID) -> None:
    """As if the first message of the contact's run were claimed."""
    await entrance.execute(
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
        " select %s, id, 1, 'stand', contact_id, 'email', 'claimed', 't' from run"
        " where contact_id = %s and state = 'active'",
        uuid4(),
        contact,
    )


async def test_debounce_restarts_the_run_until_its_first_message_is_claimed(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("if_active: debounce"))
    await entrance.event(contact, "Cart", total=1)
    await entrance.event(contact, "Cart", total=2)
    assert await entrance.runs() == [
        ("ended", "restarted", {"total": 1}),
        ("active", None, {"total": 2}),
    ]
    await claim(entrance, contact)
    late = await entrance.event(contact, "Cart", total=3)
    assert len(await entrance.runs()) == 2
    assert await entrance.refusals() == [(late, "active")]


async def test_restart_always_restarts_the_run_and_signals_its_workflow(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("if_active: restart"))
    await entrance.event(contact, "Cart", total=1)
    await claim(entrance, contact)
    await entrance.event(contact, "Cart", total=2)
    assert await entrance.runs() == [
        ("ended", "restarted", {"total": 1}),
        ("active", None, {"total": 2}),
    ]
    [[old, signalled]] = await entrance.execute(
        "select id, not stop_workflow from run where state = 'ended'"
    )
    handle = entrance.client.get_workflow_handle(f"journey.cart.{old}")
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert (signalled, signals) == (True, ["wake"])


async def test_one_batch_of_events_is_entered_in_order(entrance: Entrance, contact: UUID) -> None:
    await activate(entrance.pool, journey("if_active: restart"))
    for total in (1, 2, 3):
        await accept(entrance.pool, contact, "Cart", {"total": total})
    await entrance.dispatcher.drain()
    assert [(outcome, entry["total"]) for _, outcome, entry in await entrance.runs()] == [
        ("restarted", 1),
        ("restarted", 2),
        (None, 3),
    ]


@pytest.mark.parametrize("properties", [{}, {"cart": None}, {"cart": {"id": 1}}])
async def test_an_entry_without_its_key_is_refused(
    entrance: Entrance, contact: UUID, properties: dict[str, Any]
) -> None:
    await activate(entrance.pool, journey(entry="{event: Cart, key: cart}"))
    event_id = await entrance.event(contact, "Cart", **properties)
    answer = await entrance.start("cart", contact, **properties)
    assert (answer.status, answer.body["code"]) == (409, "no_key")
    assert await entrance.runs() == []
    assert await entrance.refusals() == [(event_id, "no_key"), (None, "no_key")]


async def test_a_paused_journey_refuses_events_and_starts(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey())
    await entrance.execute("update journey set state = 'paused'")
    event_id = await entrance.event(contact, "Cart")
    answer = await entrance.start("cart", contact)
    assert (answer.status, answer.body["code"]) == (409, "paused")
    assert await entrance.runs() == []
    assert await entrance.refusals() == [(event_id, "paused"), (None, "paused")]


async def test_nothing_is_begun_for_a_restricted_contact(entrance: Entrance, contact: UUID) -> None:
    await activate(entrance.pool, journey(rules="re_entry: always"))
    await entrance.execute("update contact set restricted = true")
    event_id = await entrance.event(contact, "Cart")
    answer = await entrance.start("cart", contact)
    assert (answer.status, answer.body["code"]) == (409, "restricted")
    assert await entrance.runs() == []
    assert await entrance.refusals() == [(event_id, "restricted"), (None, "restricted")]
    await entrance.execute("update contact set restricted = false")
    assert (await entrance.start("cart", contact)).status == 201
    assert await entrance.refusals() == [(event_id, "restricted"), (None, "restricted")]


@pytest.mark.parametrize(
    ("begin", "end", "enters"), [(None, -1, False), (1, None, False), (-1, 1, True)]
)
async def test_entries_are_taken_in_the_active_period_alone(
    entrance: Entrance, contact: UUID, begin: int | None, end: int | None, enters: bool
) -> None:
    now = datetime.now(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None)
    period = {
        name: (now + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        for name, minutes in (("from", begin), ("to", end))
        if minutes is not None
    }
    await activate(
        entrance.pool, journey(f"timezone: Asia/Tokyo\nactive: {period}\nre_entry: always")
    )
    event_id = await entrance.event(contact, "Cart")
    await end_all(entrance)
    answer = await entrance.start("cart", contact)
    if enters:
        assert answer.status == 201
        assert len(await entrance.runs()) == 2
        assert await entrance.refusals() == []
    else:
        assert (answer.status, answer.body["code"]) == (409, "inactive")
        assert await entrance.runs() == []
        assert await entrance.refusals() == [(event_id, "inactive"), (None, "inactive")]


async def test_a_run_goes_on_when_the_active_period_is_over(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("if_active: restart"))
    await entrance.event(contact, "Cart", total=1)
    await activate(entrance.pool, journey('if_active: restart\nactive: {to: "2020-12-31"}'))
    await entrance.event(contact, "Cart", total=2)
    assert await entrance.runs() == [("active", None, {"total": 1})]


async def test_an_entry_asks_for_its_where_and_its_if(entrance: Entrance) -> None:
    await activate(
        entrance.pool,
        journey(
            entry="{event: Cart, where: {total: {gte: 20}}, if: {attribute: country, in: [FR, BE]}}"
        ),
    )
    belgian = await make_contact(entrance.pool, country="BE")
    german = await make_contact(entrance.pool, country="DE")
    await entrance.event(german, "Cart", total=20)
    await entrance.event(belgian, "Cart", total=19)
    await entrance.event(belgian, "Cart", total="20")
    assert await entrance.runs() == []
    await entrance.event(belgian, "Cart", total=20)
    assert await entrance.runs() == [("active", None, {"total": 20})]
    assert await entrance.refusals() == []


async def test_a_start_begins_a_workflow_and_its_key_keeps_the_answer(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "{api: true}"))
    answer = await entrance.start("cart", contact, "k1", total=5)
    assert answer.status == 201
    assert answer.body["workflow_id"] == f"journey.cart.{answer.body['id']}"
    handle = entrance.client.get_workflow_handle(answer.body["workflow_id"])
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    assert await entrance.start("cart", contact, "k1", total=6) == answer
    assert await entrance.runs() == [("active", None, {"total": 5})]
    refused = await entrance.start("cart", contact, "k2")
    assert (refused.status, refused.body["code"]) == (409, "active")
    # The first answer stays, although a new request would get another one.
    await end_all(entrance)
    assert await entrance.start("cart", contact, "k2") == refused
    assert (await entrance.start("cart", contact, "k3")).status == 201


async def test_a_start_asks_for_the_if_of_its_entry_by_api(entrance: Entrance) -> None:
    french = "{all: [{segment: french}, {entry: total, gte: 5}, {event: Begun, before: entry}]}"
    entry = f"[{{event: Cart}}, {{api: true, if: {french}}}]"
    segment = "---\nsegment: french\nif: {attribute: country, is: FR}\n"
    await activate(entrance.pool, journey("re_entry: always", entry) + segment)
    ada, bob = [await make_contact(entrance.pool, country=country) for country in ("FR", "DE")]
    for contact in (ada, bob):
        await entrance.event(contact, "Begun")
    answers = [
        await entrance.start("cart", ada, total=4),
        await entrance.start("cart", bob, total=5),
        await entrance.start("cart", ada, total=5),
    ]
    assert [(answer.status, answer.body.get("code")) for answer in answers] == [
        (409, "if"), (409, "if"), (201, None),
    ]  # fmt: skip
    assert await entrance.refusals() == [(None, "if"), (None, "if")]
    # The other entry has no such condition.
    await entrance.event(bob, "Cart")
    assert len(await entrance.runs()) == 2


async def test_starts_with_one_key_at_once_have_one_answer(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always\nif_active: restart", "{api: true}"))
    answers = await asyncio.gather(*(entrance.start("cart", contact, "k") for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await entrance.runs()) == 1


async def test_a_start_of_what_does_not_exist_is_not_found_and_spends_no_key(
    entrance: Entrance, contact: UUID
) -> None:
    nothing = await entrance.start("cart", contact, "k")
    await activate(entrance.pool, journey(entry="{api: true}"))
    unknown = await entrance.start("cart", "unknown", "k")
    assert [answer.status for answer in (nothing, unknown)] == [404, 404]
    assert "cart" in nothing.body["message"]
    assert "contact" in unknown.body["message"]
    assert (await entrance.start("cart", contact, "k")).status == 201


async def test_a_start_while_temporal_is_away_leaves_nothing_and_spends_no_key(
    settings: Settings, entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey(entry="{api: true}"))
    nowhere = settings.model_copy(
        update={"temporal": {**settings.temporal, "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}}
    )
    away = Entrance(entrance.pool, await connect_temporal(nowhere, lazy=True))
    with pytest.raises(TemporalAway):
        await away.start("cart", contact, "k")
    assert await entrance.runs() == []
    # re_entry is never: had the run stayed, this would be refused.
    assert (await entrance.start("cart", contact, "k")).status == 201


async def test_a_connection_to_temporal_that_is_cut_is_an_outage_and_no_fault_of_a_run(
    settings: Settings, entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "[{api: true}, {event: Cart}]"))
    async with cable(settings.temporal["TEMPORAL_ADDRESS"]) as laid:
        through = {**settings.temporal, "TEMPORAL_ADDRESS": laid.address}
        client = await connect_temporal(settings.model_copy(update={"temporal": through}))
        office = Entrance(entrance.pool, client)
        laid.cut()
        await accept(entrance.pool, contact, "Cart", {})
        other = await make_contact(entrance.pool)
        answers = await asyncio.gather(
            office.start("cart", other, "k"), office.dispatcher.round(), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [TemporalAway, TemporalAway], answers
        laid.mend()
        assert (await office.start("cart", other, "k")).status == 201
        await office.dispatcher.drain()
    assert await entrance.execute("select 1 from fault") == []
    started = "select contact_id from run where workflow_started_at is not null"
    assert set(await entrance.execute(started)) == {(contact,), (other,)}


# ------------------------------------------------------------------- keys, and events that are late


async def codes(entrance: Entrance) -> list[str]:
    return [code for _, code in await entrance.refusals()]


async def test_a_key_of_any_length_begins_one_run_for_each_value(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "{event: Cart, key: cart}"))
    longest = "".join(random.Random(1).choices(string.ascii_letters, k=2_800))
    for cart in (longest, longest, f"{longest}x", "ü" * 255):
        await entrance.event(contact, "Cart", cart=cart)
    assert (await entrance.start("cart", contact, cart=longest)).body["code"] == "active"
    assert (await entrance.start("cart", contact, "k" * 200, cart=f"{longest}y")).status == 201
    rows = await entrance.execute("select length(key), entry->>'cart' from run order by started_at")
    assert rows == [
        (71, longest),
        (71, f"{longest}x"),
        (255, "ü" * 255),
        (71, f"{longest}y"),
    ]
    assert await codes(entrance) == ["active", "active"]


@pytest.mark.parametrize("properties", [{"cart": ""}, {"cart": " \t"}, {"cart": None}, {}])
async def test_an_empty_key_is_none(
    entrance: Entrance, contact: UUID, properties: dict[str, Any]
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "{event: Cart, key: cart}"))
    await entrance.event(contact, "Cart", **properties)
    assert await entrance.runs() == []
    assert await codes(entrance) == ["no_key"]
    answer = await entrance.start("cart", contact, **properties)
    assert (answer.status, answer.body["code"]) == (409, "no_key")


@pytest.mark.parametrize(
    ("max_age", "hours", "enters"),
    [("", 23, True), ("", 26, False), ("max_age: 2h", 1, True), ("max_age: 2h", 3, False),
     ("max_age: 7d", 160, True), ("max_age: 7d", 170, False)],
)  # fmt: skip
async def test_an_event_that_happened_long_before_it_arrived_begins_no_run(
    entrance: Entrance, contact: UUID, max_age: str, hours: int, enters: bool
) -> None:
    await activate(entrance.pool, journey(entry=f"{{event: Cart, {max_age}}}"))
    event_id = await accept(entrance.pool, contact, "Cart", {})
    await entrance.execute(
        "update event set client_at = stamped_at - make_interval(hours => %s) where id = %s",
        hours,
        event_id,
    )
    await entrance.dispatcher.drain()
    assert len(await entrance.runs()) == int(enters)
    assert await codes(entrance) == ([] if enters else ["late_event"])


async def test_of_two_entries_the_one_that_takes_older_events_lets_it_in(
    entrance: Entrance, contact: UUID
) -> None:
    entries = "[{event: Cart}, {event: Cart, where: {n: 1}, max_age: 30d}]"
    await activate(entrance.pool, journey("re_entry: always", entries))
    for n in (1, 2):
        event_id = await accept(entrance.pool, contact, "Cart", {"n": n})
        await entrance.execute(
            "update event set client_at = stamped_at - interval '9 days' where id = %s", event_id
        )
    await entrance.dispatcher.drain()
    assert await entrance.runs() == [("active", None, {"n": 1})]
    assert await codes(entrance) == ["late_event"]


async def test_a_late_event_still_ends_a_wait_and_fires_an_exit(
    entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("exit: [{event: Paid}]"))
    await entrance.event(contact, "Cart")
    event_id = await accept(entrance.pool, contact, "Paid", {})
    await entrance.execute(
        "update event set client_at = stamped_at - interval '9 days' where id = %s", event_id
    )
    await entrance.dispatcher.drain()
    [[run_id]] = await entrance.execute("select id from run")
    handle = entrance.client.get_workflow_handle(f"journey.cart.{run_id}")
    history = await handle.fetch_history()
    assert sum(each.HasField("workflow_execution_signaled_event_attributes")
               for each in history.events) == 1  # fmt: skip


# ------------------------------------------------------------------ starts that replace another run


async def test_a_restart_while_temporal_is_away_leaves_everything_as_it_was(
    settings: Settings, entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("if_active: restart\nre_entry: always", "{api: true}"))
    assert (await entrance.start("cart", contact)).status == 201
    [[before]] = await entrance.execute("select to_jsonb(r) from run r")
    nowhere = settings.model_copy(
        update={"temporal": {**settings.temporal, "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}}
    )
    away = Entrance(entrance.pool, await connect_temporal(nowhere, lazy=True))
    with pytest.raises(TemporalAway):
        await away.start("cart", contact, "k")
    assert await entrance.execute("select to_jsonb(r) from run r") == [(before,)]
    # The key is not spent, and the restart takes place once Temporal is back.
    assert (await entrance.start("cart", contact, "k")).status == 201
    assert [outcome for _, outcome, _ in await entrance.runs()] == ["restarted", None]


@pytest.mark.parametrize("rules", ["if_active: restart", ""])
async def test_a_start_that_fails_for_its_run_alone_stands_and_is_made_later(
    entrance: Entrance, contact: UUID, rules: str
) -> None:
    await activate(entrance.pool, journey(f"{rules}\nre_entry: always", "{api: true}"))
    if rules:
        await entrance.start("cart", contact)
    faults = FaultyTemporal()
    shaky = Entrance(entrance.pool, faults.around(entrance.client))
    faults.answer = lambda _: RPCStatusCode.INTERNAL
    first = await shaky.start("cart", contact, "k")
    assert first.status == 201
    assert await shaky.start("cart", contact, "k") == first
    faults.answer = lambda _: None
    await entrance.dispatcher.drain()
    handle = entrance.client.get_workflow_handle(first.body["workflow_id"])
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert [outcome for _, outcome, _ in await entrance.runs()] == (
        ["restarted", None] if rules else [None]
    )


async def test_a_start_whose_answer_is_lost_is_not_taken_back_once_the_run_is_at_work(
    settings: Settings, entrance: Entrance, contact: UUID
) -> None:
    await activate(entrance.pool, journey("re_entry: always", "{api: true}"))
    faults = FaultyTemporal()
    shaky = Entrance(entrance.pool, faults.around(entrance.client))

    def lost(_: str) -> RPCStatusCode:
        # The server has started it all the same, and a worker has come to its first step.
        with psycopg.connect(settings.database_url) as conn:
            conn.execute("insert into visit (run_id, visit, step, kind) select id, 1, 'stand',"
                         " 'wait' from run")  # fmt: skip
        return RPCStatusCode.DEADLINE_EXCEEDED

    faults.answer = lost
    answer = await shaky.start("cart", contact, "k")
    assert answer.status == 201
    assert len(await entrance.runs()) == 1

"""Entries by group and by attribute: which changes of a contact begin a run.

No worker is at work: dispatchers are driven by hand, so runs stay where they were begun.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from store.definitions.catalog import Catalog
from store.events.attribute_changes import change_attributes, put_contact
from store.events.group_changes import add_to_group, remove_from_group
from tests.support.engine import accept, activate, make_contact
from tests.support.segments import SegmentsAtWork

LONG = "x" * 300


class Changes:
    """Changes of one contact, each dispatched at once, and the runs that they began."""

    def __init__(self, pool: AsyncConnectionPool[Any], client: Client) -> None:
        self.pool = pool
        self.dispatcher = Dispatcher(pool, client, Catalog(), poll=0.05)
        self.contact = uuid4()

    async def set(self, **values: Any) -> None:
        """Set attributes, as the API does; the first call creates the contact."""
        async with self.pool.connection() as conn, conn.transaction():
            await put_contact(conn, "c-1", values)
        await self.dispatcher.drain()

    async def join(self, group: str) -> None:
        """Add the contact to a group."""
        async with self.pool.connection() as conn, conn.transaction():
            await add_to_group(conn, group, [self.contact])
        await self.dispatcher.drain()

    async def leave(self, group: str) -> None:
        """Remove the contact from a group."""
        async with self.pool.connection() as conn, conn.transaction():
            await remove_from_group(conn, group, [self.contact])
        await self.dispatcher.drain()

    async def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments)
            return list(await cursor.fetchall())

    async def entered(self) -> int:
        """How many runs there are."""
        [[count]] = await self.rows("select count(*) from run")
        return int(count)


@pytest.fixture
async def changes(pool: AsyncConnectionPool[Any], temporal_client: Client) -> Changes:
    return Changes(pool, temporal_client)


def journey(entry: str, rules: str = "re_entry: always\nif_active: restart") -> str:
    return f"""
journey: changed
entry: {entry}
{rules}
steps:
  - {{id: stand, wait: {{event: Never}}}}
"""


async def test_a_contact_that_joins_a_group_enters_by_it(changes: Changes) -> None:
    await activate(changes.pool, journey("{group: vip}"))
    changes.contact = await make_contact(changes.pool)
    await changes.join("other")
    assert await changes.entered() == 0
    await changes.join("vip")
    assert await changes.rows("select entry from run") == [({"group": "vip"},)]
    await changes.join("vip")
    await changes.leave("vip")
    assert await changes.entered() == 1


async def test_a_contact_that_leaves_a_group_enters_by_on_leave(changes: Changes) -> None:
    await activate(changes.pool, journey("{group: vip, on: leave}"))
    changes.contact = await make_contact(changes.pool)
    await changes.leave("vip")
    await changes.join("vip")
    assert await changes.entered() == 0
    await changes.leave("vip")
    assert await changes.entered() == 1


CASES: list[tuple[str, Any, Any, bool]] = [
    ("attribute: plan", "free", "pro", True),
    ("attribute: plan", None, "pro", True),
    ("attribute: plan", "pro", None, True),
    ("attribute: plan", "pro", "pro", False),
    ("attribute: plan, to: pro", "free", "pro", True),
    ("attribute: plan, to: pro", None, "pro", True),
    ("attribute: plan, to: pro", "pro", "free", False),
    ("attribute: plan, from: free", "free", "pro", True),
    ("attribute: plan, from: free", "trial", "pro", False),
    ("attribute: plan, from: free, to: pro", "free", "pro", True),
    ("attribute: plan, from: free, to: pro", "free", "trial", False),
    ("attribute: plan, from: free, to: pro", None, "pro", False),
    ("attribute: plan, from: null", None, "pro", True),
    ("attribute: plan, from: null", "free", "pro", False),
    ("attribute: plan, to: null", "free", None, True),
    ("attribute: plan, to: null", "free", "pro", False),
    # Text never equals a number, and neither equals a truth value.
    ("attribute: plan, to: 1", "free", "1", False),
    ('attribute: plan, to: "1"', "free", 1, False),
    ("attribute: plan, to: 1", "free", 1.0, True),
    ("attribute: plan, to: 1", "free", True, False),
    ("attribute: plan, to: true", "free", True, True),
    ("attribute: plan, to: true", "free", 1, False),
    ("attribute: plan", 1, 1.0, False),
    ("attribute: plan", 1, True, True),
    # A dotted path: the value inside must change.
    ("attribute: plan.tier", {"tier": 1}, {"tier": 2}, True),
    ("attribute: plan.tier", {"tier": 1, "n": 1}, {"tier": 1, "n": 2}, False),
    ("attribute: plan.tier", None, {"tier": 1}, True),
    ("attribute: plan.tier, to: 2", {"tier": 1}, {"tier": 2}, True),
    ("attribute: plan.tier, to: 3", {"tier": 1}, {"tier": 2}, False),
    ("attribute: plan.tier, from: 1", {"tier": 1}, "gone", True),
    ("attribute: plan.a.tier, to: 2", {"a": {"tier": 1}}, {"a": {"tier": 2}}, True),
    ("attribute: plan.items.sku, to: B", {"items": [{"sku": "A"}]},
     {"items": [{"sku": "A"}, {"sku": "B"}]}, True),
    ("attribute: plan.1, to: b", ["a", "a"], ["a", "b"], True),
    # Long values are left out of the event: then the value counts that the contact has now.
    ("attribute: plan", "free", LONG, True),
    ("attribute: plan, to: pro", LONG, "pro", True),
    ("attribute: plan, to: free", LONG, "pro", False),
    ("attribute: plan, from: free", "free", LONG, False),
    ("attribute: plan.tier", {"tier": 1, "n": LONG}, {"tier": 2, "n": LONG}, True),
    ("attribute: plan.tier, from: 1, to: 2", {"tier": 1, "n": LONG}, {"tier": 2, "n": LONG}, True),
    ("attribute: plan.tier, to: 3", {"tier": 1, "n": LONG}, {"tier": 2, "n": LONG}, False),
    ("attribute: plan.tier", {"tier": 1, "n": LONG}, {"tier": 1, "n": LONG + "y"}, False),
    ("attribute: plan.a.tier, to: 2", {"a": {"tier": 1}, "n": LONG},
     {"a": {"tier": 2}, "n": LONG}, True),
    ("attribute: plan.a.b.tier, to: 2", {"a": {"b": {"tier": 1}, "n": LONG}},
     {"a": {"b": {"tier": 2}, "n": LONG}}, True),
]  # fmt: skip


async def test_an_attribute_enters_as_from_and_to_say(changes: Changes) -> None:
    wrong = []
    for number, (entry, before, after, enters) in enumerate(CASES):
        await activate(changes.pool, journey(f"{{{entry}}}"))
        async with changes.pool.connection() as conn:
            await conn.execute("update catalog set revision = revision + 1")
        await changes.set(plan=None, other=number)
        await changes.set(plan=before)
        count = await changes.entered()
        await changes.set(plan=after, other=number + 0.5)
        if await changes.entered() - count != enters:
            wrong.append((entry, before, after, enters))
    assert wrong == []


async def test_an_attribute_with_a_dot_in_its_name_is_found_by_its_name(changes: Changes) -> None:
    await activate(changes.pool, journey("{attribute: plan.tier, to: 2}"))
    await changes.set(plan={"tier": 1}, **{"plan.tier": 1})
    await changes.set(**{"plan.tier": 2})
    assert await changes.entered() == 1


async def test_a_field_of_the_contact_enters_like_an_attribute(changes: Changes) -> None:
    await activate(changes.pool, journey("{attribute: lifecycle, from: lead, to: customer}"))
    await changes.set(lifecycle="lead")
    await changes.set(lifecycle="customer")
    assert await changes.entered() == 1
    await activate(changes.pool, journey("{attribute: score, from: 0, to: 5}"))
    async with changes.pool.connection() as conn, conn.transaction():
        [(contact,)] = await changes.rows("select id from contact")
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await change_attributes(conn, contact, set_={}, unset=[], add={"score": 5}, depth=0)
    await changes.dispatcher.drain()
    assert await changes.entered() == 2


async def test_if_re_entry_and_a_second_run_hold_as_for_events(changes: Changes) -> None:
    entry = "{group: vip, if: {attribute: country, is: FR}}"
    await activate(changes.pool, journey(entry, ""))
    changes.contact = await make_contact(changes.pool)
    await changes.join("vip")
    assert await changes.entered() == 0
    async with changes.pool.connection() as conn:
        await conn.execute("update contact set country = 'FR'")
    await changes.leave("vip")
    await changes.join("vip")
    assert await changes.entered() == 1
    await changes.leave("vip")
    await changes.join("vip")
    async with changes.pool.connection() as conn:
        await conn.execute("update run set state = 'ended', outcome = 'completed'")
    await changes.leave("vip")
    await changes.join("vip")
    assert await changes.rows("select code from refusal order by id") == [
        ("active",),
        ("re_entry",),
    ]


async def test_a_run_counts_from_the_cause_of_its_change(changes: Changes) -> None:
    await activate(changes.pool, journey("{group: vip}"))
    changes.contact = await make_contact(changes.pool)
    cause = await accept(changes.pool, changes.contact, "Bought", {})
    async with changes.pool.connection() as conn, conn.transaction():
        await add_to_group(conn, "vip", [changes.contact])
        await conn.execute("update event set cause_id = %s where name = 'Group Joined'", (cause,))
    await changes.dispatcher.drain()
    assert await changes.rows("select entry_ref, ref from run") == [(cause, cause)]


async def test_a_change_at_the_end_of_a_long_chain_begins_no_run(changes: Changes) -> None:
    await activate(changes.pool, journey("{group: vip}", "re_entry: always"))
    changes.contact = await make_contact(changes.pool)
    async with changes.pool.connection() as conn, conn.transaction():
        await add_to_group(conn, "vip", [changes.contact])
        await conn.execute("update event set depth = 11 where name = 'Group Joined'")
    await changes.dispatcher.drain()
    assert await changes.rows("select code from refusal") == [("chain",)]


async def test_a_broken_journey_refuses_only_what_might_have_entered_it(changes: Changes) -> None:
    await activate(changes.pool, journey("{group: vip}"))
    async with changes.pool.connection() as conn:
        await conn.execute("update journey_version set document = document || '{\"steps\": 7}'")
        await conn.execute("update catalog set revision = revision + 1")
    changes.contact = await make_contact(changes.pool)
    await changes.join("other")
    assert await changes.rows("select code from refusal") == []
    await changes.join("vip")
    assert await changes.rows("select code from refusal") == [("broken",)]


async def test_an_event_finds_its_journey_among_many_by_other_groups(
    changes: Changes,
) -> None:
    for number in range(120):
        text = journey(f"{{group: g-{number}}}").replace("changed", f"j-{number}")
        await activate(changes.pool, text)
    changes.contact = await make_contact(changes.pool)
    await changes.join("other")
    await changes.join("g-119")
    assert await changes.rows("select journey from run") == [("j-119",)]


async def test_a_segment_that_is_found_after_a_long_outage_begins_runs_as_events_do(
    pool: AsyncConnectionPool[Any], temporal_client: Client
) -> None:
    work = SegmentsAtWork(pool)
    work.dispatcher = Dispatcher(pool, temporal_client, work.catalog)
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    await work.stop_clock(noon)
    await work.save_filled(
        "segment: buyers\nif: {event: Bought}\n---\n"
        "segment: gone\nif: {all: [{event: Bought}, {not: {event: Bought, within: 10d}}]}\n"
    )
    entries = {
        "by-event": "{event: Bought}",
        "bought": "{segment: buyers}",
        "soon": "{segment: buyers, max_age: 1d}",
        "lost": "{segment: gone}",
        "lately": "{segment: gone, max_age: 3d}",
        "lost-soon": "{segment: gone, max_age: 47h}",
    }
    for key, entry in entries.items():
        await activate(pool, journey(entry).replace("journey: changed", f"journey: {key}"))
    contact = await work.contact(timezone="UTC")
    await work.dispatch()
    await work.event(contact, "Bought")
    # No dispatcher is at work for two days; then none until two days after it has left.
    for day in (2, 12):
        await work.to(noon + timedelta(days=day))
        await work.dispatch()
        await work.drain()
        await work.dispatch()
    entered = await work.rows("select journey from run order by journey")
    assert entered == [("bought",), ("by-event",), ("lately",), ("lost",)]
    refused = await work.rows("select journey, code from refusal order by journey")
    assert refused == [("lost-soon", "late_event"), ("soon", "late_event")]

"""Known contacts that are merged: what the one has that stays, and which ids name it."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.contacts.rows import find_contact, find_contacts, read_contact
from store.events.attribute_changes import put_contact
from store.events.contact_merging import Merge, merge_contacts
from store.events.ingest import take
from store.events.items import Accepted, Item, Rejected, Sender
from store.events.transactions import repeating
from store.runs.rows import lock_run
from store.sql import Connection
from tests.support.conditions import eventually
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
OPERATE: Final = Sender("operate", trusted=True)
CALLS: Final = int(os.environ.get("MERGING_CALLS", "200"))
STRICTER: Final = ("unsubscribed", "pending", "subscribed")


def identify(user: str, anonymous: str | None = None, **traits: Any) -> Item:
    return Item("identify", str(uuid4()), user_id=user, anonymous_id=anonymous, traits=traits)


def alias(previous: str, user: str) -> Item:
    return Item("alias", str(uuid4()), user_id=user, previous_id=previous)


def track(name: str, **ids: Any) -> Item:
    return Item("track", str(uuid4()), name=name, **ids)


async def send(pool: Pool, *items: Item, sender: Sender = OPERATE) -> list[Accepted | Rejected]:
    return await take(pool, items, limit_per_minute=10_000, sender=sender)


async def merge(pool: Pool, one: str, other: str) -> Merge | UUID:
    async def act(conn: Connection) -> Merge | UUID:
        return await merge_contacts(conn, (one, other), reason="the same person")

    return await repeating(pool, act)


async def rows(pool: Pool, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(query.encode(), arguments)
        return await cursor.fetchall() if cursor.description else []


async def contact_of(pool: Pool, reference: str) -> UUID:
    async with pool.connection() as conn:
        found = await find_contact(conn, reference)
    assert found is not None
    return found


async def waiting_for_locks(pool: Pool, count: int) -> bool:
    """Whether so many connections wait for locks."""
    waiting = await rows(
        pool,
        "select count(*) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()",
    )
    return bool(waiting[0][0] >= count)


async def make(pool: Pool, *users: str) -> list[UUID]:
    """Known contacts, the first the oldest."""
    for user in users:
        await send(pool, identify(user))
    return [await contact_of(pool, user) for user in users]


# ------------------------------------------------------------------------------------- what stays


async def test_the_older_contact_stays_with_its_values_and_the_others_fill_in(pool: Pool) -> None:
    old, young = await make(pool, "old", "young")
    async with pool.connection() as conn, conn.transaction():
        await put_contact(conn, "old", {"email": "o@example.com", "score": 5.0, "plan": "pro"})
        values = {"email": "y@example.com", "phone": "+33612345678", "score": 7.0, "plan": "free",
                  "color": "red", "restricted": True}  # fmt: skip
        await put_contact(conn, "young", values)
    done = await merge(pool, "young", "old")
    assert isinstance(done, Merge)
    assert (done.survivor.id, done.gone.id, done.left_out) == (old, young, [])
    async with pool.connection() as conn:
        view = await read_contact(conn, old)
        assert await read_contact(conn, young) is None
        assert await find_contacts(conn, ["old", "young", str(old)]) == {
            "old": old, "young": old, str(old): old,
        }  # fmt: skip
    assert view is not None
    assert (view.external_id, view.email, view.phone) == ("old", "o@example.com", "+33612345678")
    assert (view.score, view.restricted) == (12.0, True)
    assert view.attributes == {"plan": "pro", "color": "red"}
    assert await rows(
        pool, "select contact_id, properties from event where properties ? 'merged'"
    ) == [
        (
            old,
            {
                "names": ["color", "country", "phone", "restricted", "score", "timezone"],
                "changes": {
                    "color": [None, "red"],
                    "country": [None, "FR"],
                    "phone": [None, "+33612345678"],
                    "timezone": [None, "Europe/Paris"],
                    "restricted": [None, True],
                    "score": [5.0, 12.0],
                },
                "merged": True,
                "alias": "young",
                "reason": "the same person",
            },
        )
    ]
    # Who merges them again changes nothing.
    assert await merge(pool, "young", "old") == old
    assert await rows(pool, "select count(*) from event where properties ? 'merged'") == [(1,)]


@pytest.mark.parametrize("fast", [True, False], ids=["alone", "with another call"])
async def test_calls_with_the_old_id_are_those_of_the_contact_that_stays(
    pool: Pool, fast: bool
) -> None:
    old, _ = await make(pool, "old", "young")
    await merge(pool, "old", "young")
    calls = [track("Bought", user_id="young"), track("Bought", user_id="old")]
    calls += [track("Bought", user_id="new")] + ([] if fast else [identify("young", plan="pro")])
    answers = await send(pool, *calls)
    assert all(isinstance(each, Accepted) and each.new for each in answers)
    new = await contact_of(pool, "new")
    assert await rows(
        pool, "select contact_id from event where name = 'Bought' order by id"
    ) == [(old,), (old,), (new,)]  # fmt: skip
    assert await rows(pool, "select external_id from contact order by id") == [("old",), ("new",)]
    async with pool.connection() as conn, conn.transaction():
        assert await put_contact(conn, "young", {"color": "red"}) == (old, False)


async def test_the_limit_of_calls_counts_both_ids_together(pool: Pool) -> None:
    await make(pool, "old", "young")
    await merge(pool, "old", "young")
    calls = [track("Bought", user_id=user) for user in ("old", "young") * 3]
    answers = await take(pool, calls, limit_per_minute=6, sender=OPERATE)
    # The identify calls of before count, too.
    assert Counter(type(each) for each in answers)[Accepted] == 5


async def test_a_chain_of_merges_ends_at_one_contact(pool: Pool) -> None:
    first, *_ = await make(pool, "a", "b", "c", "d")
    await merge(pool, "c", "d")
    await merge(pool, "b", "c")
    await merge(pool, "d", "a")
    assert {await contact_of(pool, each) for each in "abcd"} == {first}
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, first)
    assert await rows(pool, "select * from contact_alias") == []
    # The ids are free again.
    await send(pool, identify("d"))
    assert await contact_of(pool, "d") != first


async def test_two_merges_in_opposite_directions_at_once_are_one(pool: Pool) -> None:
    for number in range(20):
        one, other = f"one {number}", f"other {number}"
        old, _ = await make(pool, one, other)
        await asyncio.gather(
            merge(pool, one, other), merge(pool, other, one),
            send(pool, alias(one, other)), send(pool, alias(other, one)),
        )  # fmt: skip
        assert {await contact_of(pool, each) for each in (one, other)} == {old}
    assert await rows(pool, "select count(*) from event where properties ? 'merged'") == [(20,)]


async def test_an_alias_of_two_known_contacts_needs_a_key_that_operates(pool: Pool) -> None:
    old, _ = await make(pool, "old", "young")
    (answer,) = await send(pool, alias("old", "young"), sender=Sender("ingest"))
    assert isinstance(answer, Rejected)
    assert answer.code == "forbidden_merge"
    (answer,) = await send(pool, alias("old", "young"))
    assert isinstance(answer, Accepted)
    assert await contact_of(pool, "young") == old


async def test_an_alias_ties_ids_that_are_used_only_later(pool: Pool) -> None:
    (known,) = await make(pool, "known")
    await send(pool, alias("known", "later"), alias("before", "known"))
    await send(pool, identify("later"), identify("before"), track("Seen", anonymous_id="before"))
    assert {await contact_of(pool, each) for each in ("later", "before")} == {known}
    assert await rows(pool, "select count(*) from contact") == [(1,)]
    await send(pool, alias("this", "that"))
    await send(pool, identify("this"))
    assert await contact_of(pool, "this") == await contact_of(pool, "that") != known


async def test_a_device_of_another_known_contact_joins_nothing(pool: Pool) -> None:
    await make(pool, "one", "two")
    await send(pool, identify("one", "device"))
    (answer,) = await send(pool, alias("device", "two"))
    assert isinstance(answer, Rejected)
    assert answer.code == "taken_anonymous_id"
    assert "'one'" in answer.message
    # A public key is not let into whose device it is.
    (answer,) = await take(pool, [alias("device", "two")], limit_per_minute=100)
    assert isinstance(answer, Rejected)
    assert answer.code == "taken_anonymous_id"
    assert "'one'" not in answer.message


async def test_what_has_no_room_is_named(pool: Pool) -> None:
    await make(pool, "old", "young")
    async with pool.connection() as conn, conn.transaction():
        await put_contact(conn, "old", {"big": "x" * 60_000})
        await put_contact(conn, "young", {"long": "y" * 10_000, "email": "y@example.com"})
    (answer,) = await send(pool, alias("young", "old"))
    assert isinstance(answer, Accepted)
    assert [each.code for each in answer.warnings] == ["attributes_oversize"]
    assert "long" in answer.warnings[0].message
    async with pool.connection() as conn:
        view = await read_contact(conn, await contact_of(pool, "old"))
    assert view is not None
    assert (view.email, [*view.attributes]) == ("y@example.com", ["big"])


async def test_a_removed_run_of_either_still_keeps_from_entering_again(pool: Pool) -> None:
    old, young = await make(pool, "old", "young")
    for contact, days in ((old, 3), (young, 1)):
        await rows(
            pool,
            "insert into last_entry (contact_id, journey, started_at)"
            " values (%s, 'j', now() - %s) returning 1",
            contact, timedelta(days=days),
        )  # fmt: skip
    await rows(
        pool, "insert into last_entry (contact_id, journey, started_at)"
        " values (%s, 'k', now()) returning 1", young,
    )  # fmt: skip
    await merge(pool, "old", "young")
    found = await rows(
        pool, "select contact_id, journey, started_at < now() - interval '2 days' from last_entry"
        " order by journey"
    )  # fmt: skip
    assert found == [(old, "j", False), (old, "k", False)]


# --------------------------------------------------------------------------------- all at once


class Components:
    """Ids that are tied together, by union and find."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, one: str) -> str:
        parent = self._parents.setdefault(one, one)
        if parent == one:
            return one
        self._parents[one] = self.root(parent)
        return self._parents[one]

    def tie(self, one: str, other: str) -> None:
        self._parents[self.root(one)] = self.root(other)

    def of(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """The ids by their roots."""
        found: dict[str, list[str]] = defaultdict(list)
        for each in ids:
            found[self.root(each)].append(each)
        return found


async def seed(pool: Pool, dice: random.Random, user: str) -> dict[str, Any]:
    """A contact with runs, messages, consent and a group; what it has."""
    (contact,) = await make(pool, user)
    states: dict[str, str] = {}
    runs: dict[str, tuple[int, UUID]] = {}
    for journey in ("j", "k"):
        if dice.random() < 0.7:
            age, run = dice.randrange(1_000_000), uuid4()
            runs[journey] = (-age, run)
            await rows(
                pool,
                "insert into run (id, journey, version, contact_id, entry_ref, ref, started_at)"
                " values (%s, %s, 1, %s, 0, 0, now() - %s)",
                run, journey, contact, timedelta(seconds=age),
            )  # fmt: skip
            await rows(
                pool,
                "insert into listener (run_id, visit, slot, contact_id, ref, event_name)"
                " values (%s, 1, 0, %s, 0, 'E')",
                run, contact,
            )  # fmt: skip
    for topic in ("news", "tips"):
        if dice.random() < 0.6:
            states[topic] = dice.choice(STRICTER)
            await rows(
                pool, "insert into topic_state (contact_id, topic, state) values (%s, %s, %s)",
                contact, topic, states[topic],
            )  # fmt: skip
    messages = dice.randrange(3)
    for _ in range(messages):
        await rows(
            pool,
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
            " values (%s, %s, 1, 's', %s, 'email', 'sent', 't')",
            uuid4(), uuid4(), contact,
        )  # fmt: skip
    await rows(
        pool, "insert into group_member (contact_id, group_key) values (%s, %s)",
        contact, f"g{dice.randrange(4)}",
    )  # fmt: skip
    return {"runs": runs, "states": states, "messages": messages}


async def test_calls_that_tie_the_same_people_at_once_end_in_the_connected_components(
    pool: Pool,
) -> None:
    dice = random.Random(CALLS)
    users = [f"u{number}" for number in range(CALLS // 6)]
    seeded = {user: await seed(pool, dice, user) for user in users[: len(users) // 2]}
    ties = Components()
    seen: set[str] = {*seeded}
    events: Counter[str] = Counter()
    device = "device of {}".format

    async def called(item: Item, accepted: Callable[[], None]) -> None:
        (answer,) = await send(pool, item)
        assert isinstance(answer, Accepted), answer
        accepted()

    async def merged(one: str, other: str) -> None:
        try:
            await merge(pool, one, other)
        except LookupError:
            return
        ties.tie(one, other)

    def tied(*ids: str) -> None:
        seen.update(ids)
        for each in ids[1:]:
            ties.tie(ids[0], each)

    def counted(one: str) -> None:
        seen.add(one)
        events[one] += 1

    calls: list[Callable[[], Awaitable[None]]] = []
    for _ in range(CALLS):
        one, other = dice.sample(users, 2)
        match dice.randrange(6):
            case 0:
                calls.append(partial(called, identify(one), partial(tied, one)))
            case 1:
                item = identify(one, device(one))
                calls.append(partial(called, item, partial(tied, one, device(one))))
            case 2:
                item = track("E", user_id=one)
                calls.append(partial(called, item, partial(counted, one)))
            case 3:
                item = track("E", anonymous_id=device(one))
                calls.append(partial(called, item, partial(counted, device(one))))
            case 4:
                calls.append(partial(called, alias(one, other), partial(tied, one, other)))
            case _:
                calls.append(partial(merged, one, other))
    gate = asyncio.Semaphore(40)

    async def at_its_turn(call: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            await call()

    await asyncio.gather(*(at_its_turn(call) for call in calls))

    components = ties.of(seen)
    assert len(components) > 3
    contacts: dict[str, UUID] = {}
    identities = dict(await rows(pool, "select anonymous_id, contact_id from identity"))
    for root, ids in components.items():
        found = {
            identities[each] if each.startswith("device") else await contact_of(pool, each)
            for each in ids
        }
        assert len(found) == 1, ids
        contacts[root] = found.pop()
    assert await rows(pool, "select count(*) from contact") == [(len(components),)]
    assert len({*contacts.values()}) == len(components)
    # Nothing names a contact that is gone.
    for table in ("event", "outbox", "run", "listener", "message", "topic_state", "group_member"):
        query = f"select count(*) from {table} where contact_id <> all(%s)"
        assert await rows(pool, query, [*contacts.values()]) == [(0,)], table
    counted_events = Counter(
        dict(await rows(pool, "select contact_id, count(*) from event where name = 'E' group by 1"))
    )
    active = await rows(pool, "select contact_id, journey, id from run where state = 'active'")
    states = await rows(pool, "select contact_id, topic, state from topic_state")
    messages = Counter(each for (each,) in await rows(pool, "select contact_id from message"))
    for root, ids in components.items():
        contact = contacts[root]
        members = [seeded[each] for each in ids if each in seeded]
        assert counted_events[contact] == sum(events[each] for each in ids)
        assert messages[contact] == sum(each["messages"] for each in members)
        # Of two runs of one journey the older goes on.
        assert {journey: run for owner, journey, run in active if owner == contact} == {
            journey: min(each["runs"][journey] for each in members if journey in each["runs"])[1]
            for journey in ("j", "k")
            if any(journey in each["runs"] for each in members)
        }
        assert {topic: state for owner, topic, state in states if owner == contact} == {
            topic: min(
                (each["states"][topic] for each in members if topic in each["states"]),
                key=STRICTER.index,
            )
            for topic in ("news", "tips")
            if any(topic in each["states"] for each in members)
        }
    ended = await rows(pool, "select outcome, stop_workflow from run where state = 'ended'")
    assert {*ended} == {("merged", True)}
    assert await rows(
        pool, "select count(*) from contact c"
        " where last_event_id <> (select max(id) from event e where e.contact_id = c.id)"
    ) == [(0,)]  # fmt: skip


async def test_a_run_is_locked_though_its_contact_is_merged_meanwhile(pool: Pool) -> None:
    old, young = await make(pool, "old", "young")
    run = uuid4()
    await rows(
        pool,
        "insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " values (%s, 'j', 1, %s, 0, 0)",
        run, young,
    )  # fmt: skip

    async def lock() -> UUID | None:
        async with pool.connection() as conn, conn.transaction():
            found = await lock_run(conn, run)
            return None if found is None else found.contact_id

    async with pool.connection() as conn, conn.transaction():
        await merge_contacts(conn, ("old", "young"))
        waiting = asyncio.create_task(lock())
        await eventually(partial(waiting_for_locks, pool, 1))
    assert await waiting == old


async def test_a_contact_with_an_id_that_becomes_an_alias_meanwhile_is_not_made(
    pool: Pool,
) -> None:
    old, _ = await make(pool, "old", "young")
    await send(pool, track("Seen", anonymous_id="device"))
    async with pool.connection() as conn, conn.transaction():
        await merge_contacts(conn, ("old", "young"))
        waiting = [
            asyncio.create_task(send(pool, track("E", user_id="young"))),
            asyncio.create_task(send(pool, identify("young"), track("E", user_id="young"))),
            asyncio.create_task(send(pool, identify("young", "device"))),
        ]
        await eventually(partial(waiting_for_locks, pool, len(waiting)))
    await asyncio.gather(*waiting)
    assert await rows(pool, "select external_id from contact") == [("old",)]
    assert await rows(pool, "select contact_id from event where name = 'E'") == [(old,), (old,)]

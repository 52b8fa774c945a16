"""Tracking calls on the real database: contacts, events, links and their order."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.model.well_known_events import STATUS_EVENTS
from journeys.protocol.message_status import STATUSES, MessageStatus
from store.contacts.rows import lock_and_read_contacts
from store.events.effect_events import EffectRefused
from store.events.effects import has_effects
from store.events.fast_path import is_simple
from store.events.ingest import take
from store.events.items import Accepted, Item, ItemWarning, Rejected, Sender
from store.events.recording import NewEvent, record_events
from store.messages.suppressions import find_suppression

Pool = AsyncConnectionPool[AsyncConnection[Any]]
LIMIT = 6000
REPEATED = ItemWarning(
    "repeated_id",
    "messageId: 'm' was taken before for another call, so that this one has no effect",
    "messageId",
)


def track(name: str, properties: dict[str, Any] | None = None, **fields: Any) -> Item:
    given = properties or {}
    return Item(
        "track",
        fields.pop("message_id", str(uuid4())),
        name=name,
        properties=orjson.Fragment(orjson.dumps(given)),
        effect_properties=given if has_effects(name) else None,
        **fields,
    )


def identify(traits: dict[str, Any] | None = None, **fields: Any) -> Item:
    return Item("identify", fields.pop("message_id", str(uuid4())), traits=traits or {}, **fields)


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchall()


async def send(pool: Pool, *items: Item, limit: int = LIMIT) -> list[Accepted | Rejected]:
    return await take(pool, items, limit_per_minute=limit)


async def add_topic(pool: Pool, key: str, default: str) -> None:
    await rows(
        pool,
        "insert into document (kind, key, document, source, sha256)"
        " values ('topic', %s, jsonb_build_object('topic', %s::text, 'default', %s::text), '', '')"
        " returning key",
        key, key, default,
    )  # fmt: skip


async def add_message(pool: Pool, contact: UUID, step: str, state: str = "sent") -> UUID:
    message, run = uuid4(), uuid4()
    await rows(
        pool,
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
        " values (%s, %s, 1, %s, %s, 'email', %s, 't') returning id",
        message, run, step, contact, state,
    )  # fmt: skip
    return message


async def contact_of(pool: Pool, external_id: str) -> UUID:
    found: UUID = (await rows(pool, "select id from contact where external_id=%s", external_id))[0][
        0
    ]
    return found


async def test_a_batch_is_stored_in_its_own_order(pool: Pool) -> None:
    items = [track(f"Event {n}", user_id=f"u{n % 7}") for n in range(100)]
    answers = await send(pool, *items)
    assert answers == [Accepted(item.message_id) for item in items]
    stored = await rows(
        pool, "select name, message_id from event where source <> 'engine' order by id"
    )
    assert stored == [(item.name, item.message_id) for item in items]
    # Each of the 7 contacts came into being as well.
    assert await rows(pool, "select count(*) from outbox") == [(107,)]
    assert await rows(
        pool,
        "select count(*) from contact c where last_event_id ="
        " (select max(id) from event e where e.contact_id = c.id)",
    ) == [(7,)]


async def test_a_repeated_message_id_has_no_effect_and_is_accepted(pool: Pool) -> None:
    event = track("Signed Up", user_id="u", message_id="m1")
    trait = identify({"plan": "pro"}, user_id="u", message_id="m2")
    group = Item("group", "m3", user_id="u", group="vip")
    first = await send(pool, event, trait, group, event)
    assert [answer for answer in first if isinstance(answer, Rejected)] == []
    await send(pool, identify({"plan": "free"}, user_id="u"))
    before = await rows(pool, "select id from event")
    again = await send(pool, event, trait, group)
    assert again == [Accepted(f"m{n}", new=False) for n in (1, 2, 3)]
    assert await rows(pool, "select id from event") == before
    assert await rows(pool, "select attributes->>'plan' from contact") == [("free",)]


async def test_a_change_of_a_contact_is_an_event_that_names_it(pool: Pool) -> None:
    await send(pool, identify({"email": "a@example.com", "plan": "pro"}, user_id="u"))
    await send(pool, identify({"email": "a@example.com", "plan": "pro"}, user_id="u"))
    await send(pool, identify({"plan": None, "gone": None}, user_id="u"))
    assert await rows(pool, "select name, properties from event order by id") == [
        ("Contact Created", {}),
        (
            "Contact Changed",
            {
                "names": ["email", "plan"],
                "changes": {"email": [None, "a@example.com"], "plan": [None, "pro"]},
            },
        ),
        ("Contact Changed", {"names": ["plan"], "changes": {"plan": ["pro", None]}}),
    ]
    assert await rows(pool, "select email, attributes from contact") == [("a@example.com", {})]


async def test_values_of_the_context_stand_only_where_there_is_none(pool: Pool) -> None:
    await send(pool, track("Seen", user_id="u", defaults={"timezone": "Europe/Paris"}))
    await send(pool, track("Seen", user_id="u", defaults={"timezone": "Asia/Tokyo"}))
    assert await rows(pool, "select timezone from contact") == [("Europe/Paris",)]


async def test_an_anonymous_contact_becomes_the_known_one_and_keeps_its_id(pool: Pool) -> None:
    await send(pool, track("Seen", anonymous_id="a"))
    ((before,),) = await rows(pool, "select id from contact")
    await send(pool, identify({"plan": "pro"}, user_id="u", anonymous_id="a"))
    await send(pool, track("Bought", anonymous_id="a"), track("Bought", user_id="u"))
    assert await rows(pool, "select id, external_id from contact") == [(before, "u")]
    names = await rows(pool, "select name from event where contact_id = %s order by id", before)
    assert [name for (name,) in names] == [
        "Contact Created", "Seen", "Contact Changed", "Bought", "Bought",
    ]  # fmt: skip


async def test_an_anonymous_contact_joins_the_known_one_within_a_batch(pool: Pool) -> None:
    await send(pool, identify({"plan": "pro", "country": "FR"}, user_id="u"))
    await send(pool, identify({"plan": "free", "color": "red"}, anonymous_id="a"))
    await send(
        pool,
        track("One", anonymous_id="a"),
        Item("alias", "alias", user_id="u", previous_id="a"),
        track("Two", user_id="u"),
        track("Three", anonymous_id="a"),
    )
    assert await rows(pool, "select external_id, attributes from contact") == [
        ("u", {"plan": "pro", "color": "red"})
    ]
    names = await rows(pool, "select name from event where source <> 'engine' order by id")
    assert names == [("One",), ("Two",), ("Three",)]
    assert await rows(pool, "select properties from event where properties ? 'merged'") == [
        ({"names": ["color"], "changes": {"color": [None, "red"]}, "merged": True},)
    ]
    assert await rows(
        pool, "select count(*) from outbox o join event e on e.id = o.event_id"
        " and e.contact_id = o.contact_id join contact c on c.id = o.contact_id"
        " and c.last_event_id >= e.id"
    ) == await rows(pool, "select count(*) from event")  # fmt: skip


async def test_two_known_contacts_are_not_merged(pool: Pool) -> None:
    await send(pool, identify({"plan": "a"}, user_id="u1"), identify({"plan": "b"}, user_id="u2"))
    (answer,) = await send(pool, Item("alias", "m", user_id="u2", previous_id="u1"))
    assert isinstance(answer, Rejected)
    assert answer.code == "forbidden_merge"
    assert "'u1'" in answer.message
    assert "'u2'" in answer.message
    assert await rows(pool, "select count(*) from contact") == [(2,)]


async def test_a_device_that_changes_hands_keeps_what_was_done_with_whom_it_was(
    pool: Pool,
) -> None:
    await send(pool, track("One", anonymous_id="a"), identify(user_id="u1", anonymous_id="a"))
    await send(pool, identify(user_id="u2", anonymous_id="a"), track("Two", anonymous_id="a"))
    assert await rows(
        pool,
        "select c.external_id, e.name from event e join contact c on c.id = e.contact_id"
        " where e.source <> 'engine' order by e.id",
    ) == [("u1", "One"), ("u2", "Two")]


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("subscribed", "unsubscribed", "unsubscribed"),
        ("unsubscribed", "subscribed", "unsubscribed"),
        ("pending", "subscribed", "pending"),
        ("subscribed", None, "subscribed"),
        (None, "pending", "pending"),
    ],
)
async def test_a_merge_keeps_the_stricter_consent(
    pool: Pool, one: str | None, other: str | None, kept: str
) -> None:
    await send(pool, track("Seen", anonymous_id="a"), track("Seen", user_id="u"))
    for state, condition in ((one, "is null"), (other, "= 'u'")):
        if state is not None:
            await rows(
                pool,
                "insert into topic_state (contact_id, topic, state)"
                f" select id, 'news', %s from contact where external_id {condition} returning 1",
                state,
            )
    await send(pool, identify(user_id="u", anonymous_id="a"))
    assert await rows(pool, "select state from topic_state") == [(kept,)]


async def test_of_two_colliding_runs_the_younger_ends_as_merged(pool: Pool) -> None:
    await send(pool, track("Seen", anonymous_id="a"), track("Seen", user_id="u"))
    for age, condition in ((2, "is null"), (1, "= 'u'")):
        await rows(
            pool,
            "insert into run (id, journey, version, contact_id, entry_ref, ref, started_at)"
            " select gen_random_uuid(), 'j', 1, id, 0, 0, now() - %s * interval '1 hour'"
            f" from contact where external_id {condition} returning 1",
            age,
        )
    await rows(
        pool,
        "insert into listener (run_id, visit, slot, contact_id, ref)"
        " select id, 1, 0, contact_id, 0 from run returning 1",
    )
    await send(pool, identify(user_id="u", anonymous_id="a"))
    u = await contact_of(pool, "u")
    assert await rows(
        pool, "select contact_id, state, outcome, stop_workflow from run order by started_at"
    ) == [(u, "active", None, False), (u, "ended", "merged", True)]
    assert await rows(pool, "select contact_id from listener") == [(u,)]


async def test_consent_follows_the_events_of_its_topic(pool: Pool) -> None:
    await add_topic(pool, "news", "double")
    await add_topic(pool, "tips", "opt_in")

    async def states() -> dict[str, str]:
        return dict(await rows(pool, "select topic, state from topic_state"))

    topics = ({"topic": "news"}, {"topic": "tips"})
    await send(pool, *(track("Topic Subscribed", each, user_id="u") for each in topics))
    assert await states() == {"news": "pending", "tips": "subscribed"}
    await send(pool, track("Topic Confirmed", topics[0], user_id="u"))
    await send(pool, track("Topic Subscribed", topics[0], user_id="u"))
    assert await states() == {"news": "subscribed", "tips": "subscribed"}
    await send(pool, *(track("Topic Unsubscribed", each, user_id="u") for each in topics))
    assert await states() == {"news": "unsubscribed", "tips": "unsubscribed"}
    assert await rows(
        pool, "select count(*) from topic_state t join event e on e.id = t.event_id"
        " and e.name = 'Topic Unsubscribed'"
    ) == [(2,)]  # fmt: skip


async def test_an_event_of_an_unknown_topic_is_rejected_alone(pool: Pool) -> None:
    bad, good = (
        track("Topic Subscribed", {"topic": "nope"}, user_id="new"),
        track("Seen", user_id="u"),
    )
    first, second = await send(pool, bad, good)
    assert isinstance(first, Rejected)
    assert first.code == "unknown_topic"
    assert second == Accepted(good.message_id)
    assert await rows(pool, "select external_id from contact") == [("u",)]


async def test_a_message_status_is_kept_once_and_settles_the_message(pool: Pool) -> None:
    await send(pool, identify({"email": "a@example.com"}, user_id="u"))
    contact = await contact_of(pool, "u")
    message = await add_message(pool, contact, "hello", "unknown")
    await send(pool, track("Message Opened", {"step": "hello", "by": "machine"}, user_id="u"))
    assert await rows(pool, "select state, opened_at from message") == [("unknown", None)]
    await send(pool, track("Message Opened", {"step": "hello"}, user_id="u"))
    ((state, opened),) = await rows(pool, "select state, opened_at from message")
    assert state == "sent"
    assert opened is not None
    await send(pool, track("Message Opened", {"message_id": str(message)}, user_id="u"))
    assert await rows(pool, "select opened_at from message") == [(opened,)]
    assert await rows(
        pool, "select distinct properties->>'message_id' from event where name = 'Message Opened'"
    ) == [(str(message),)]


@pytest.mark.parametrize("state", ["released", "refused"])
async def test_only_an_event_that_names_the_message_says_that_it_was_taken_after_all(
    pool: Pool, state: str
) -> None:
    await send(pool, identify({"email": "a@example.com"}, user_id="u"))
    message = await add_message(pool, await contact_of(pool, "u"), "hello", state)
    for reference, in_the_end in ({"step": "hello"}, state), ({"message_id": str(message)}, "sent"):
        await send(pool, track("Message Opened", reference, user_id="u"))
        assert await rows(pool, "select state, opened_at is not null from message") == [
            (in_the_end, True)
        ]


@pytest.mark.parametrize(("status", "name"), STATUS_EVENTS.items())
async def test_each_status_is_recorded_in_its_column_alone(
    pool: Pool, status: MessageStatus, name: str
) -> None:
    await send(pool, identify({"email": "a@example.com"}, user_id="u"))
    await add_message(pool, await contact_of(pool, "u"), "hello")
    await send(pool, track(name, {"step": "hello"}, user_id="u"))
    columns = ", ".join(f"{each}_at is not null" for each in STATUSES)
    [reached] = await rows(pool, f"select {columns} from message")
    # A click is an open.
    also = ["opened"] if status == "clicked" else []
    assert [each for each, yes in zip(STATUSES, reached, strict=True) if yes] == [*also, status]


@pytest.mark.parametrize(
    ("name", "properties", "reason"),
    [
        ("Message Bounced", {}, "bounced"),
        ("Message Bounced", {"type": "soft"}, None),
        ("Message Complained", {}, "complained"),
        ("Message Delivered", {}, None),
    ],
)
async def test_a_hard_bounce_or_a_complaint_suppresses_the_address(
    pool: Pool, name: str, properties: dict[str, Any], reason: str | None
) -> None:
    await send(pool, identify({"email": "Ann@example.com"}, user_id="u"))
    await add_message(pool, await contact_of(pool, "u"), "hello")
    await send(pool, track(name, {"step": "hello", **properties}, user_id="u"))
    async with pool.connection() as conn:
        assert await find_suppression(conn, "email", "ann@EXAMPLE.com") == reason
        assert await find_suppression(conn, "sms", "ann@example.com") is None


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({}, "bad_properties"),
        ({"step": "other"}, "unknown_message"),
        ({"message_id": str(UUID(int=1))}, "unknown_message"),
        ({"message_id": 7}, "unknown_message"),
        ({"step": "hello", "by": "robot"}, "bad_properties"),
        ({"step": "hello", "type": "medium"}, "bad_properties"),
    ],
)
async def test_a_status_of_an_unknown_message_is_rejected(
    pool: Pool, properties: dict[str, Any], code: str
) -> None:
    await send(pool, track("Seen", user_id="u"))
    await add_message(pool, await contact_of(pool, "u"), "hello")
    (answer,) = await send(pool, track("Message Bounced", properties, user_id="u"))
    assert isinstance(answer, Rejected)
    assert answer.code == code
    assert await rows(pool, "select bounced_at from message") == [(None,)]
    assert await rows(pool, "select name from event where source <> 'engine'") == [("Seen",)]


async def test_calls_over_the_limit_of_a_contact_are_rejected_and_may_come_again(
    pool: Pool,
) -> None:
    items = [track("Seen", user_id="hot") for _ in range(5)]
    cool = track("Seen", user_id="cool")
    answers = await send(pool, *items, cool, limit=3)
    assert [type(answer) for answer in answers] == [Accepted] * 3 + [Rejected] * 2 + [Accepted]
    late = answers[4]
    assert isinstance(late, Rejected)
    assert late.code == "rate_limited"
    assert late.retry_after is not None
    assert 0 < late.retry_after <= 60
    (still,) = await send(pool, items[4], limit=3)
    assert isinstance(still, Rejected)
    await rows(
        pool,
        "update contact set window_started_at = now() - interval '61 seconds' returning 1",
    )
    assert await send(pool, items[4], limit=3) == [Accepted(items[4].message_id)]


async def test_concurrent_batches_over_the_same_contacts_all_arrive_once(pool: Pool) -> None:
    random_source = random.Random(11)
    batches = []
    for _ in range(40):
        batch: list[Item] = []
        for _ in range(30):
            user, device = f"u{random_source.randrange(12)}", f"a{random_source.randrange(12)}"
            batch.append(
                random_source.choice(
                    [
                        track("Seen", user_id=user),
                        track("Seen", anonymous_id=device),
                        identify({"n": random_source.random()}, user_id=user),
                        identify(user_id=f"u{device[1:]}", anonymous_id=device),
                    ]
                )
            )
        batches.append(batch)
    # Every batch twice, as clients do that heard no answer.
    answers = await asyncio.gather(*(send(pool, *batch) for batch in batches + batches))
    assert all(isinstance(answer, Accepted) for some in answers for answer in some)
    sent = {item.message_id for batch in batches for item in batch if item.kind == "track"}
    stored = await rows(pool, "select message_id from event where name = 'Seen'")
    assert len(stored) == len(sent)
    assert {message_id for (message_id,) in stored} == sent
    assert await rows(
        pool, "select count(*) from event e left join contact c on c.id = e.contact_id"
        " where c.id is null or c.last_event_id < e.id"
    ) == [(0,)]  # fmt: skip
    assert await rows(
        pool, "select count(*) from outbox o left join event e on e.id = o.event_id"
        " and e.contact_id = o.contact_id where e.id is null"
    ) == [(0,)]  # fmt: skip
    # Every contact was named by an id, and no two by one.
    assert await rows(
        pool, "select count(*) from contact c where external_id is null"
        " and not exists (select from identity i where i.contact_id = c.id)"
    ) == [(0,)]  # fmt: skip


async def test_plain_events_of_known_contacts_are_taken_as_any_other(pool: Pool) -> None:
    await send(pool, *(identify(user_id=f"u{n}") for n in range(3)))
    before = await rows(pool, "select max(last_event_id) from contact")
    items = [track(f"Event {n}", {"n": n}, user_id=f"u{n % 3}") for n in range(30)]
    assert is_simple(items)
    answers = await send(pool, *items, items[0])
    assert answers == [Accepted(item.message_id) for item in items] + [
        Accepted(items[0].message_id, new=False)
    ]
    assert await send(pool, *items) == [Accepted(item.message_id, new=False) for item in items]
    assert await rows(
        pool, "select name, properties from event where source <> 'engine' order by id"
    ) == [(f"Event {n}", {"n": n}) for n in range(30)]
    assert (
        await rows(
            pool,
            "select window_events, (select max(id) from event e where e.contact_id = c.id)"
            " = last_event_id from contact c",
        )
        == [(11, True)] * 3
    )
    assert await rows(pool, "select count(*) from outbox") == [(33,)]
    assert await rows(pool, "select max(last_event_id) from contact") > before


async def test_plain_events_beyond_what_is_plain_are_taken_in_full(pool: Pool) -> None:
    await send(pool, identify(user_id="u"))
    zone = track("Seen", user_id="u", defaults={"timezone": "Europe/Paris"})
    stranger = track("Seen", user_id="new")
    known = track("Seen", user_id="u")
    reused = track("Seen", user_id="u", message_id="m")
    await send(pool, identify(user_id="u", message_id="m"))
    answers = await send(pool, zone, stranger, known, reused)
    assert answers == [
        Accepted(zone.message_id),
        Accepted(stranger.message_id),
        Accepted(known.message_id),
        Accepted("m", new=False, warnings=(REPEATED,)),
    ]
    assert await send(pool, reused) == [Accepted("m", new=False, warnings=(REPEATED,))]
    assert await rows(pool, "select external_id, timezone from contact order by 1") == [
        ("new", None),
        ("u", "Europe/Paris"),
    ]
    assert await rows(pool, "select count(*) from event where name = 'Seen'") == [(3,)]


async def test_concurrent_plain_batches_make_each_contact_once(pool: Pool) -> None:
    chosen = random.Random(7)
    batches = [
        [track("Seen", user_id=f"u{chosen.randrange(200)}") for _ in range(30)] for _ in range(30)
    ]
    users = {item.user_id for batch in batches for item in batch}
    await asyncio.gather(*(send(pool, *batch) for batch in batches + batches[:10]))
    assert await rows(pool, "select name, count(*) from event group by 1 order by 1") == [
        ("Contact Created", len(users)),
        ("Seen", 900),
    ]
    assert await rows(pool, "select count(*) from outbox") == [(900 + len(users),)]
    assert await rows(pool, "select count(*) from contact") == [(len(users),)]
    assert await rows(
        pool,
        "select count(*) from contact c where last_event_id <>"
        " (select max(id) from event e where e.contact_id = c.id) or window_events <>"
        " (select count(*) from event e where e.contact_id = c.id and e.source <> 'engine')",
    ) == [(0,)]


async def test_concurrent_plain_batches_keep_each_contacts_order(pool: Pool) -> None:
    await send(pool, *(identify(user_id=f"u{n}") for n in range(8)))
    chosen = random.Random(5)
    batches = [
        [track("Seen", user_id=f"u{chosen.randrange(8)}") for _ in range(20)] for _ in range(60)
    ]
    await asyncio.gather(*(send(pool, *batch) for batch in batches + batches[:20]))
    assert await rows(pool, "select count(*) from event where name = 'Seen'") == [(1200,)]
    assert await rows(pool, "select count(*) from outbox") == [(1208,)]
    assert await rows(
        pool,
        "select count(*) from (select stamped_at, lag(stamped_at) over"
        " (partition by contact_id order by id) as before from event) e where stamped_at < before",
    ) == [(0,)]
    assert await rows(
        pool,
        "select count(*) from contact c where last_event_id <>"
        " (select max(id) from event e where e.contact_id = c.id) or window_events - 1 <>"
        " (select count(*) from event e where e.contact_id = c.id and e.name = 'Seen')",
    ) == [(0,)]


async def test_an_events_id_is_its_place_in_the_order_of_commits_of_its_contact(
    pool: Pool,
) -> None:
    async def post(n: int) -> None:
        await send(pool, track("Seen", {"n": n}, user_id="u"), track("Seen", user_id=f"v{n}"))

    await asyncio.gather(*(post(n) for n in range(60)))
    assert await rows(
        pool,
        "select count(*) from (select stamped_at, lag(stamped_at) over (order by id) as before"
        " from event where contact_id = (select id from contact where external_id = 'u')) e"
        " where stamped_at < before",
    ) == [(0,)]


async def test_events_recorded_under_a_lock_have_ids_outbox_and_effects(pool: Pool) -> None:
    await add_topic(pool, "news", "opt_in")
    await send(pool, track("Seen", user_id="u"))
    contact = await contact_of(pool, "u")
    run = uuid4()
    async with pool.connection() as conn, conn.transaction():
        await lock_and_read_contacts(conn, ids=[contact])
        one, two, again = await record_events(
            conn,
            contact,
            [
                NewEvent("Topic Subscribed", {"topic": "news"}, message_id="m", depth=2),
                NewEvent("Private", {}, run_id=run),
                NewEvent("Topic Subscribed", {"topic": "news"}, message_id="m"),
            ],
        )
        assert two > one
        assert again == one
        assert await record_events(conn, contact, [NewEvent("Other", {}, message_id="m")]) == [one]
    assert await rows(pool, "select id, depth, run_id from event where id >= %s order by id", one) \
        == [(one, 2, None), (two, 0, run)]  # fmt: skip
    assert await rows(pool, "select state, event_id from topic_state") == [("subscribed", one)]
    assert await rows(pool, "select last_event_id from contact") == [(two,)]
    assert await rows(pool, "select count(*) from outbox") == [(4,)]


async def test_events_recorded_with_a_meaning_they_cannot_have_leave_nothing(pool: Pool) -> None:
    await send(pool, track("Seen", user_id="u"))
    contact = await contact_of(pool, "u")
    async with pool.connection() as conn, conn.transaction():
        await lock_and_read_contacts(conn, ids=[contact])
        with pytest.raises(EffectRefused, match="there is no topic 'nope'"):
            await record_events(
                conn,
                contact,
                [NewEvent("Fine", {}), NewEvent("Topic Subscribed", {"topic": "nope"})],
            )
    assert await rows(pool, "select name from event where source <> 'engine'") == [("Seen",)]


SERVER = Sender("operate", trusted=True)


async def test_a_public_key_cannot_use_up_the_ids_of_servers(pool: Pool) -> None:
    stolen = track("Nonsense", user_id="u", message_id="order-77-completed")
    await send(pool, stolen)
    real = track("Order Completed", {"total": 9}, user_id="u", message_id="order-77-completed")
    for _ in range(2):
        await take(pool, [real, identify({"n": 1}, user_id="u", message_id="i")],
                   limit_per_minute=LIMIT, sender=SERVER)  # fmt: skip
    await take(pool, [real], limit_per_minute=LIMIT, sender=SERVER)
    assert await rows(
        pool, "select name, source from event where source <> 'engine' order by id"
    ) == [("Nonsense", "ingest"), ("Order Completed", "operate")]
    # The receipt of the server's identify stops no event of a browser.
    assert await send(pool, track("Seen", user_id="u", message_id="i")) == [Accepted("i")]


@pytest.mark.parametrize(
    ("again", "warned"),
    [
        (track("Seen", user_id="u", message_id="m"), False),
        (track("Other", user_id="u", message_id="m"), True),
        (track("Seen", user_id="v", message_id="m"), True),
        (track("Seen", anonymous_id="a", message_id="m"), False),
        (identify({"n": 1}, user_id="u", message_id="m"), True),
        (Item("group", "m", user_id="u", group="vip"), True),
    ],
)
async def test_a_repeated_id_with_another_name_or_contact_is_a_warning(
    pool: Pool, again: Item, warned: bool
) -> None:
    await send(pool, identify({}, user_id="u", anonymous_id="a"), identify({}, user_id="v"))
    await send(pool, track("Seen", user_id="u", message_id="m"))
    warnings = (REPEATED,) if warned else ()
    assert await send(pool, again) == [Accepted("m", new=False, warnings=warnings)]


async def test_within_a_batch_a_repeated_id_is_a_warning_as_well(pool: Pool) -> None:
    one = track("Seen", user_id="u", message_id="m")
    other = track("Other", user_id="u", message_id="m")
    assert await send(pool, one, other) == [
        Accepted("m"), Accepted("m", new=False, warnings=(REPEATED,))
    ]  # fmt: skip


async def test_servers_and_browsers_have_limits_of_their_own_for_a_contact(pool: Pool) -> None:
    async def post(name: str, sender: Sender, count: int, **fields: Any) -> list[bool]:
        items = [track(name, user_id="hot", **fields) for _ in range(count)]
        answers = await take(pool, items, limit_per_minute=3, sender=sender)
        return [isinstance(answer, Accepted) for answer in answers]

    public = Sender("ingest")
    assert await post("Seen", public, 5) == [True] * 3 + [False] * 2
    assert await post("Paid", SERVER, 2) == [True] * 2
    assert await post("Paid", SERVER, 1, defaults={"locale": "fr"}) == [True]
    assert await post("Paid", SERVER, 1) == [False]
    assert await post("Seen", public, 1) == [False]
    assert await rows(
        pool, "select window_events, window_server_events from contact"
    ) == [(3, 3)]  # fmt: skip


async def test_a_click_without_an_open_is_an_open_as_well(pool: Pool) -> None:
    await send(pool, identify({"email": "a@example.com"}, user_id="u"))
    contact = await contact_of(pool, "u")
    machine, opened, clicked = [await add_message(pool, contact, step) for step in "abc"]
    await send(
        pool,
        track("Message Clicked", {"step": "a", "by": "machine"}, user_id="u"),
        track("Message Opened", {"step": "b"}, user_id="u"),
        track("Message Clicked", {"step": "b"}, user_id="u"),
        track("Message Clicked", {"step": "c", "url": "https://x.example"}, user_id="u"),
        track("Message Clicked", {"step": "c"}, user_id="u"),
    )
    found = await rows(
        pool,
        "select e.name, e.properties->>'message_id', e.cause_id = e.id - 1, e.properties ? 'url'"
        " from event e where starts_with(name, 'Message') order by id",
    )
    assert found == [
        ("Message Clicked", str(machine), None, False),
        ("Message Opened", str(opened), None, False),
        ("Message Clicked", str(opened), None, False),
        ("Message Clicked", str(clicked), None, True),
        ("Message Opened", str(clicked), True, False),
        ("Message Clicked", str(clicked), None, False),
    ]
    assert await rows(
        pool, "select step, opened_at is not null, clicked_at is not null from message order by 1"
    ) == [("a", False, False), ("b", True, True), ("c", True, True)]


async def test_a_contact_is_created_before_its_first_event(pool: Pool) -> None:
    await send(pool, track("Seen", user_id="fast"))
    await send(pool, track("Seen", anonymous_id="slow"), identify({"n": 1}, user_id="known"))
    await send(pool, track("Seen", user_id="fast"), identify({"n": 2}, user_id="known"))
    found = await rows(
        pool,
        "select c.external_id, array_agg(e.name order by e.id) from event e"
        " join contact c on c.id = e.contact_id group by 1 order by 1 nulls last",
    )
    assert found == [
        ("fast", ["Contact Created", "Seen", "Seen"]),
        ("known", ["Contact Created", "Contact Changed", "Contact Changed"]),
        (None, ["Contact Created", "Seen"]),
    ]


async def test_long_values_are_left_out_of_the_event_of_their_change(pool: Pool) -> None:
    await send(pool, identify({"short": "a" * 254, "long": "a" * 255}, user_id="u"))
    [(properties,)] = await rows(
        pool, "select properties from event where name = 'Contact Changed'"
    )
    assert properties == {"names": ["long", "short"], "changes": {"short": [None, "a" * 254]}}


async def test_joining_a_group_is_an_event_once(pool: Pool) -> None:
    group = [Item("group", str(uuid4()), user_id="u", group="vip") for _ in range(3)]
    await send(pool, *group[:2])
    await send(pool, group[2])
    assert await rows(
        pool, "select properties from event where name = 'Group Joined'"
    ) == [({"group": "vip"},)]  # fmt: skip


async def test_a_contacts_attributes_are_bounded(pool: Pool) -> None:
    half = {f"n{n}": "a" * 900 for n in range(33)}
    more = {f"m{n}": "b" * 900 for n in range(33)}
    await send(pool, identify(half, user_id="u"), identify({"plan": "pro"}, user_id="u"))
    await send(pool, identify(more, user_id="u"))
    [answer] = await send(pool, identify({"plan": "free", "last": "c" * 9000}, user_id="u"))
    assert isinstance(answer, Rejected)
    assert answer.code == "attributes_oversize"
    assert await rows(
        pool, "select attributes->>'plan', attributes ? 'last' from contact"
    ) == [("pro", False)]  # fmt: skip
    smaller = identify({**dict.fromkeys(half), "plan": "free"}, user_id="u")
    assert await send(pool, smaller) == [Accepted(smaller.message_id)]
    [answer] = await send(pool, identify({f"k{n}": n for n in range(1001)}, user_id="v"))
    assert isinstance(answer, Rejected)


async def test_joining_an_anonymous_contact_keeps_the_bound(pool: Pool) -> None:
    big = {f"n{n}": "a" * 900 for n in range(60)}
    await send(pool, identify(big, anonymous_id="a"))
    more = {**{f"m{n}": "b" * 900 for n in range(30)}, "country": "FR"}
    [answer] = await send(pool, identify(more, user_id="u", anonymous_id="a"))
    assert isinstance(answer, Accepted)
    assert [each.code for each in answer.warnings] == ["attributes_oversize"]
    assert await rows(
        pool, "select external_id, country, attributes ? 'm1', attributes ? 'n1' from contact"
    ) == [("u", "FR", False, True)]  # fmt: skip


async def test_an_external_id_is_never_our_id_of_another_contact(pool: Pool) -> None:
    await send(pool, track("Seen", anonymous_id="a"))
    [(other,)] = await rows(pool, "select id from contact")
    own = str(uuid4())
    for item in (
        track("Seen", user_id=str(other)),
        track("Seen", user_id=str(other).upper()),
        identify({"n": 1}, user_id=str(other)),
        identify({"n": 1}, user_id=str(other), anonymous_id="a"),
    ):
        [answer] = await send(pool, item)
        assert isinstance(answer, Rejected), item
        assert answer.code == "taken_id"
    assert await send(pool, track("Seen", user_id=own, message_id="m")) == [Accepted("m")]
    assert await rows(pool, "select external_id from contact order by 1") == [(own,), (None,)]


async def test_an_address_that_a_contact_has_is_changed_only_by_who_may(pool: Pool) -> None:
    def shut(traits: dict[str, Any], **fields: Any) -> Item:
        return identify(traits, may_change_addresses=False, **fields)

    await send(pool, shut({"email": "ann@example.com"}, user_id="u"))
    attack = shut({"email": "evil@example.com", "plan": "pro", "phone": "+33612345678"},
                  user_id="u")  # fmt: skip
    [answer] = await send(pool, attack)
    assert isinstance(answer, Accepted)
    assert [(each.code, each.field) for each in answer.warnings] == [("address_protected", "email")]
    for same in ("ann@example.com", "ANN@example.com"):
        again = shut({"email": same}, user_id="u")
        assert await send(pool, again) == [Accepted(again.message_id)]
    [answer] = await send(pool, shut({"email": None}, user_id="u"))
    assert isinstance(answer, Accepted)
    assert answer.warnings
    assert await rows(
        pool, "select email, phone, attributes from contact"
    ) == [("ANN@example.com", "+33612345678", {"plan": "pro"})]  # fmt: skip
    await send(pool, identify({"email": "new@example.com"}, user_id="u"))
    assert await rows(pool, "select email from contact") == [("new@example.com",)]


async def test_a_confirmation_is_one_of_its_address(pool: Pool) -> None:
    for topic, default in (("news", "double"), ("tips", "opt_in")):
        await add_topic(pool, topic, default)
    await send(pool, identify({"email": "ann@example.com"}, user_id="u"))
    for topic in ("news", "tips"):
        await send(pool, track("Topic Subscribed", {"topic": topic}, user_id="u"))
    await send(pool, track("Topic Confirmed", {"topic": "news"}, user_id="u"))

    async def states() -> dict[str, str]:
        return dict(await rows(pool, "select topic, state from topic_state"))

    await send(pool, identify({"email": "Ann@example.com", "phone": "+33612345678"}, user_id="u"))
    assert await states() == {"news": "subscribed", "tips": "subscribed"}
    await send(pool, identify({"email": "evil@example.com"}, user_id="u"))
    assert await states() == {"news": "pending", "tips": "subscribed"}
    found = await rows(
        pool,
        "select e.name, e.properties, c.name from event e join event c on c.id = e.cause_id",
    )
    assert found == [("Topic Subscribed", {"topic": "news"}, "Contact Changed")]
    await send(pool, track("Topic Subscribed", {"topic": "news"}, user_id="u"))
    assert (await states())["news"] == "pending"
    await send(
        pool,
        track("Topic Confirmed", {"topic": "news"}, user_id="u"),
        track("Topic Subscribed", {"topic": "news"}, user_id="u"),
    )
    assert (await states())["news"] == "subscribed"
    # In one batch, each event counts for the address of its moment.
    await send(
        pool,
        identify({"email": "b@example.com"}, user_id="u"),
        track("Topic Confirmed", {"topic": "news"}, user_id="u"),
        identify({"email": "c@example.com"}, user_id="u"),
    )
    assert await rows(
        pool, "select state, confirmed_email from topic_state where topic = 'news'"
    ) == [("pending", "b@example.com")]  # fmt: skip


async def test_a_subscription_that_a_server_has_verified_needs_no_confirmation(pool: Pool) -> None:
    await add_topic(pool, "news", "double")
    await send(
        pool,
        identify({"email": "ann@example.com"}, user_id="u"),
        track("Topic Subscribed", {"topic": "news", "verified": True}, user_id="u"),
    )
    assert await rows(pool, "select state, confirmed_email from topic_state") == [
        ("subscribed", "ann@example.com")
    ]


async def test_a_merge_brings_no_confirmation_to_another_address(pool: Pool) -> None:
    await add_topic(pool, "news", "double")
    await send(
        pool,
        identify({"email": "evil@example.com"}, anonymous_id="a"),
        track("Topic Confirmed", {"topic": "news"}, anonymous_id="a"),
        identify({"email": "ann@example.com"}, user_id="u"),
    )
    await send(pool, identify({}, user_id="u", anonymous_id="a"))
    assert await rows(pool, "select state from topic_state") == [("pending",)]

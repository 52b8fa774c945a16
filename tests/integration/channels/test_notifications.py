"""Notifications on the real database: matched, recorded once, in any order, by a queue."""

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
import pytest

from inbound.intake import Intake
from store.messages.suppressions import find_suppression
from tests.support.amazon import envelope, ses_event
from tests.support.messages import Pool, add_contact, add_message, rows

if TYPE_CHECKING:
    pass

NOTIFICATIONS = int(os.environ.get("NOTIFICATIONS", "2000"))
"""How many facts are shuffled and doubled; 10,000 in full."""
BEGUN = datetime(2025, 11, 2, 9, 0, tzinfo=UTC)


def body(record: dict[str, Any]) -> tuple[str, str]:
    return "a record", orjson.dumps(record).decode()


async def take(pool: Pool, *records: dict[str, Any]) -> list[str]:
    return list(await Intake(pool).take_texts([body(record) for record in records]))


async def test_a_message_is_found_by_our_tag_or_by_the_providers_id(pool: Pool) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    tagged = await add_message(pool, contact, state="unknown")
    named = await add_message(pool, contact, state="claimed", provider="ses", provider_id="ID-2")
    await add_message(pool, contact, state="claimed", provider="sns", provider_id="ID-4")
    await take(
        pool,
        ses_event("Delivery", "ID-1", message_id=tagged, at=BEGUN),
        ses_event("Delivery", "ID-2", at=BEGUN),
        ses_event("Delivery", "ID-3", message_id=uuid4(), at=BEGUN),
        ses_event("Delivery", "ID-4", at=BEGUN),
    )
    assert (
        await rows(pool, "select state, delivered_at from message where state = 'sent'")
        == [("sent", BEGUN)] * 2
    )
    assert await rows(
        pool, "select name, source, properties->>'message_id' from event order by id"
    ) == [
        ("Message Delivered", "provider:ses", str(tagged)),
        ("Message Delivered", "provider:ses", str(named)),
    ]


async def test_a_delayed_delivery_is_a_fact_without_a_status(pool: Pool) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    message = await add_message(pool, contact, state="unknown")
    await take(pool, ses_event("DeliveryDelay", "ID-1", message_id=message))
    assert await rows(pool, "select name from event") == [("Message Delayed",)]
    assert await rows(pool, "select state, delivered_at, bounced_at, opened_at from message") == [
        ("sent", None, None, None)
    ]


@pytest.mark.parametrize("state", ["released", "refused"])
async def test_a_late_delivery_settles_a_message_that_was_not_taken_and_raises_attention(
    pool: Pool, state: str
) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    message = await add_message(pool, contact, state=state)
    await take(pool, ses_event("Delivery", "ID-1", message_id=message))
    await take(pool, ses_event("Open", "ID-1", message_id=message))
    assert await rows(pool, "select state, delivered_at is not null from message") == [
        ("sent", True)
    ]
    assert await rows(pool, "select subject, code, contact_id from fault") == [
        (f"message {message}", "late_delivery", contact)
    ]


async def test_a_late_delivery_of_an_attempt_before_the_fallback_raises_attention(
    pool: Pool,
) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    fallen_back = await add_message(pool, contact, provider="smtp")
    never_tried = await add_message(pool, contact, provider="smtp")
    await rows(
        pool,
        "insert into message_attempt (message_id, provider, code, state, first_at, last_at)"
        " values (%s, 'ses', 'deferred', 'released', now(), now()) returning 1",
        fallen_back,
    )
    await take(
        pool,
        ses_event("Delivery", "ID-1", message_id=fallen_back),
        ses_event("Delivery", "ID-2", message_id=never_tried),
    )
    assert await rows(pool, "select subject, code from fault") == [
        (f"message {fallen_back}", "late_delivery")
    ]


async def test_the_id_of_another_provider_names_no_message(pool: Pool) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    await add_message(pool, contact, state="claimed", provider="smtp", provider_id="ID-1")
    ours = await add_message(pool, contact, state="claimed", provider="ses", provider_id="ID-2")
    await take(
        pool, ses_event("Delivery", "ID-1", at=BEGUN), ses_event("Delivery", "ID-2", at=BEGUN)
    )
    assert await rows(pool, "select id from message where state = 'sent'") == [(ours,)]


async def test_a_record_that_cannot_be_read_is_set_aside_and_the_others_are_taken(
    pool: Pool,
) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    message = await add_message(pool, contact)
    bodies = [
        ("first", "nonsense"),
        ("second", '{"hello": "world"}'),
        body(ses_event("Delivery", "ID-1", message_id=message)),
        ("greeting", "Successfully validated SNS topic for Amazon SES event publishing."),
        body(envelope(ses_event("Send", "ID-1", message_id=message))),
    ]
    assert await Intake(pool).take_texts(bodies) == [
        "unreadable", "unreadable", "taken", "taken", "taken",
    ]  # fmt: skip
    assert await rows(pool, "select count(*) from event") == [(2,)]
    assert [detail for (detail,) in await rows(pool, "select detail from fault order by id")] == [
        "first: the notification is not JSON",
        "second: it is no record of SES or of End User Messaging",
    ]


def mailing(messages: dict[UUID, str]) -> list[dict[str, Any]]:
    """What SES reports of these messages, in the order in which it happens."""
    records: list[dict[str, Any]] = []
    choose = random.Random(7)
    agents = ["Mozilla/5.0 (X11; Linux) Firefox/128.0", "Mozilla/5.0", "curl/8.5"]
    for number, (message, provider_id) in enumerate(messages.items()):
        at = BEGUN + timedelta(minutes=number)
        facts: list[tuple[str, dict[str, Any], int]] = [("Send", {}, 0)]
        way = choose.choice(["read", "read", "soft", "soft", "soft", "hard", "complaint"])
        if way == "soft":
            facts.append(("DeliveryDelay", {"delayType": "MailboxFull"}, 1))
            soft = {"bounceType": "Transient", "bounceSubType": "General"}
            facts.append(("Bounce", soft, 2))
        elif way == "hard" and number % 5 == 0:
            hard = {"bounceType": "Permanent", "feedbackId": str(number)}
            facts.append(("Bounce", hard, 2))
        else:
            facts.append(("Delivery", {}, 1))
            for n in range(choose.randrange(3)):
                hit = {"userAgent": choose.choice(agents), "ipAddress": "192.0.2.1"}
                facts.append(("Open", hit, 2 + n))
                facts.append(("Click", {**hit, "link": f"https://example.com/{n}"}, 3 + n))
            if way == "complaint" and number % 7 == 0:
                facts.append(("Complaint", {"feedbackId": f"c{number}"}, 9))
        # Half of them carry no tag, as feedback of an identity.
        own = message if number % 2 else None
        records += [
            ses_event(kind, provider_id, part, message_id=own, at=at + timedelta(minutes=minutes))
            for kind, part, minutes in facts
        ]
    return records


async def final_state(pool: Pool) -> dict[str, Any]:
    """All that notifications may change, and nothing of the order of their arrival."""
    return {
        "messages": await rows(
            pool,
            "select provider_id, state, delivered_at, opened_at, clicked_at, bounced_at,"
            " complained_at, soft_bounced_at from message order by provider_id",
        ),
        "suppressions": await rows(
            pool, "select channel, address_hash, reason from suppression order by address_hash"
        ),
        "consents": await rows(
            pool,
            "select c.email, t.topic, t.state from topic_state t"
            " join contact c on c.id = t.contact_id order by c.email",
        ),
        "events": await rows(
            pool,
            "select e.name, e.message_id, e.occurred_at, m.provider_id from event e"
            " join message m on m.id::text = e.properties->>'message_id'"
            " where e.source = 'provider:ses' order by e.message_id",
        ),
    }


async def test_shuffled_and_doubled_notifications_end_in_the_state_of_the_ordered_ones(
    pool: Pool,
) -> None:
    await rows(
        pool,
        "insert into document (kind, key, document, source, sha256)"
        " values ('topic', 'news', '{\"topic\": \"news\", \"default\": \"opt_out\"}', '', '')",
    )
    messages: dict[UUID, str] = {}
    people = NOTIFICATIONS // 50
    begun = datetime.now(UTC) - timedelta(days=1)
    for number in range(people):
        email = f"person-{number:05}@example.com"
        contact = await add_contact(pool, email=email)
        for n in range(16):
            messages[
                await add_message(
                    pool, contact, state="unknown", provider_id=f"ID-{number:05}-{n:02}",
                    address=email, topic="news", sent_at=begun + timedelta(minutes=n),
                )
            ] = f"ID-{number:05}-{n:02}"  # fmt: skip
    records = mailing(messages)
    assert len(records) >= NOTIFICATIONS * 0.8
    intake = Intake(pool)
    for start in range(0, len(records), 200):
        await intake.take_texts([body(each) for each in records[start : start + 200]])
    ordered = await final_state(pool)
    reasons = {reason for _, _, reason in ordered["suppressions"]}
    assert reasons == {"soft_bounced", "bounced", "complained"}
    assert len(ordered["events"]) == len(records)

    for table in ("suppression", "topic_state", "consent_record", "outbox", "event", "fault"):
        await rows(pool, f"delete from {table}")
    await rows(
        pool,
        "update message set state = 'unknown', delivered_at = null, opened_at = null,"
        " clicked_at = null, bounced_at = null, complained_at = null, soft_bounced_at = null",
    )
    choose = random.Random(11)
    shuffled = [*records, *choose.sample(records, len(records) // 2), *records[:50]]
    choose.shuffle(shuffled)
    # Several pollers at once, as several workers have them.
    parts = [shuffled[n::3] for n in range(3)]

    async def poll(part: list[dict[str, Any]]) -> None:
        for start in range(0, len(part), 50):
            await intake.take_texts([body(each) for each in part[start : start + 50]])

    await asyncio.gather(*(poll(part) for part in parts))
    assert await final_state(pool) == ordered


async def test_a_hard_bounce_suppresses_at_once(pool: Pool) -> None:
    contact = await add_contact(pool, email="ann@example.com")
    message = await add_message(pool, contact, address="ann@example.com")
    part = {"bounceType": "Permanent", "bounceSubType": "NoEmail", "feedbackId": "1"}
    await take(pool, ses_event("Bounce", "ID-1", part, message_id=message))
    async with pool.connection() as conn:
        assert await find_suppression(conn, "email", "ann@example.com") == "bounced"

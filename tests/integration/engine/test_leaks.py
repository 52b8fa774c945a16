"""Nothing about a contact is in Temporal: not even while things fail."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import Envelope
from pydantic import SecretStr
from temporalio.client import WorkflowHandle

from infra.settings import Settings
from store.coupons.pools import add_codes, make_pool
from store.events.message_events import MessageEvent, take_message_events
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, everything_known

EMAIL = "wilhelmina.brontë@example.org"
PHONE = "+33755512345"
PERSONAL = [
    "wilhelmina",
    "brontë",
    "55512345",
    "Lilas",
    "cart-9917",
    "Moulins",
    "x-secret-size",
    "coupon-4471",
]
"""Bits of what is known of the contact and of what its events say, nowhere else in the journey."""

TELLING = """
journey: telling
entry: {event: Cart Updated, key: email}
re_entry: always
steps:
  - {id: shy, sms: {text: "Hello {{ contact.name }}", transactional: true}}
  - {id: hello, email: {subject: "Hello {{ contact.name }}", text: "{{ entry.cart }}", transactional: true}}
  - {id: pause, wait: {event: Cart Updated, where: {cart: {entry: cart}}, up_to: 1d}}
  - id: lives
    branch:
      - {name: near, if: {attribute: street, is: {entry: street}}, then: [{id: keep, update: {set: {town: {entry: town}}}}]}
  - {id: club, group: {add: [near]}}
  - {id: code, coupon: {pool: spring}}
  - {id: unprintable, email: {subject: "For {{ contact.name }} {{ contact.nothing }}", text: x, transactional: true}}
  - {id: crm, webhook: {url: "http://127.0.0.1/{{ contact.email }}", body: {who: {attribute: email}}}}
  - {id: refused, email: {subject: "Again {{ contact.name }}", text: Refuse me, transactional: true}}
  - {id: over, exit: finished}
"""  # noqa: E501 - as a person would write it

ANSWERED = """
topic: offers
default: opt_out
---
template: offer
subject: "Hello {{ contact.name }}"
html: |
  <p>{{ contact.name }}</p><a href="https://shop.example/?cart={{ entry.cart }}">go</a>
  <a href="{{ unsubscribe_url }}">leave</a>
---
journey: answered
entry: {event: Cart Updated}
steps:
  - {id: offer, email: {template: offer, topic: offers}}
  - {id: clicked, wait: {event: Message Clicked, up_to: 1d}}
  - {id: replied, wait: {event: Message Replied, up_to: 1d}}
"""

# A fault of ours whose words name the contact.
FAULTY = f"""
create function fail() returns trigger language plpgsql as
$$ begin if new.step = 'lives' then raise exception 'no good: {EMAIL}'; end if; return new; end $$;
create trigger fail before insert on visit for each row execute function fail();
"""


def leaked(known: bytes) -> list[str]:
    """The personal words in what Temporal stores, in any case and escaping."""
    low = known.decode("utf-8", "replace").lower()
    return [word for word in PERSONAL if any(form in low for form in _forms(word.lower()))]


def _forms(word: str) -> tuple[str, str]:
    return word, json.dumps(word)[1:-1]


@pytest.fixture
def engine_settings(engine_settings: Settings) -> Settings:
    """Settings with links, and with which webhooks are called, not on private addresses."""
    return engine_settings.model_copy(
        update={
            "webhook_secret": SecretStr("a secret of the test"),
            "public_url": "https://links.example",
            "link_keys": (SecretStr("k" * 32),),
        }
    )


async def look_at(engine: Engine, workflow: WorkflowHandle[Any, Any], evidence: bytes) -> bytes:
    """What Temporal knows once it knows the evidence."""
    known = b""

    async def look() -> bool:
        nonlocal known
        known = await everything_known(engine.client, workflow)
        return evidence in known

    await eventually(look, 30, what=evidence.decode())
    return known


def refusing(envelope: Envelope) -> str:
    content = envelope.content
    text = content if isinstance(content, bytes) else (content or "").encode()
    if b"Refuse me" in text:
        return f"550 5.1.1 <{envelope.rcpt_tos[0]}>: there is no such user"
    return "250 OK"


async def test_nothing_about_a_contact_is_in_temporal(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(TELLING)
    async with engine.pool.connection() as conn, conn.transaction():
        await make_pool(conn, "spring")
        await add_codes(conn, "spring", ["coupon-4471"])
    contact = await engine.contact(
        external_id=EMAIL,
        email=EMAIL,
        phone=PHONE,
        attributes={"name": "Wilhelmina Brontë", "street": "7, rue des Lilas"},
    )
    properties = {
        "email": EMAIL,
        "cart": "cart-9917",
        "street": "7, rue des Lilas",
        "town": "Moulins",
        "size": "x-secret-size",
    }
    smtp_sink.answer = lambda envelope: f"451 4.2.1 <{envelope.rcpt_tos[0]}> is busy, later"
    await engine.event(contact, "Cart Updated", **properties)
    run = await engine.standing_at(contact, "hello")
    assert run["key"] == EMAIL
    workflow = engine.workflow(run)

    # While a send is retried, and its failure is pending.
    retried = await look_at(engine, workflow, b"not_taken")
    assert leaked(retried) == []
    assert str(contact).encode() in retried

    # While a step fails by a fault whose words name the contact.
    async with engine.pool.connection() as conn:
        await conn.execute(FAULTY.encode())
    smtp_sink.answer = refusing
    run = await engine.standing_at(contact, "pause")
    assert leaked(await everything_known(engine.client, workflow)) == []
    await engine.event(contact, "Cart Updated", **properties)
    assert leaked(await look_at(engine, workflow, b"internal")) == []
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select detail from fault")
        assert EMAIL in str(await cursor.fetchall())
        await conn.execute("drop trigger fail on visit")

    # When all is over, failures of every kind included.
    await engine.ended(contact)
    assert await closed_as(workflow) == "COMPLETED"
    assert await engine.path(run["id"]) == [
        ("shy", "sent"),
        ("hello", "sent"),
        ("pause", "happened"),
        ("lives", "near"),
        ("keep", "done"),
        ("club", "done"),
        ("code", "drawn"),
        ("unprintable", "failed"),
        ("crm", "failed"),
        ("refused", "failed"),
        ("over", "exited"),
    ]
    known = await everything_known(engine.client, workflow)
    assert leaked(known) == []
    assert b"not_taken" in known
    assert b"internal" in known
    # The words are kept where they can be erased.
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select detail from message where step = 'refused'")
        assert EMAIL in str(await cursor.fetchall())


async def test_no_template_link_or_answer_is_in_temporal(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(ANSWERED)
    contact = await engine.contact(email=EMAIL, attributes={"name": "Wilhelmina Brontë"})
    await engine.event(contact, "Cart Updated", cart="cart-9917")
    run = await engine.standing_at(contact, "clicked")
    [mail] = smtp_sink.messages
    html = mail.message.get_body(("html",))
    assert html is not None
    tokens = set(re.findall(r"/[lou]/([A-Za-z0-9_-]{42})", html.get_content()))
    assert len(tokens) >= 3
    message = UUID(mail.message["X-Parcours-Message"])
    for name, properties, place in (
        ("Message Clicked", {"url": "https://shop.example/?cart=cart-9917"}, "replied"),
        ("Message Replied", {"text": "Yes, to 7, rue des Lilas, Moulins"}, None),
    ):
        event = MessageEvent(message_id=message, name=name, id=name, properties=properties)
        assert await take_message_events(engine.pool, [event], source="test") == ["recorded"]
        await (engine.ended(contact) if place is None else engine.standing_at(contact, place))
    assert await engine.path(run["id"]) == [
        ("offer", "sent"),
        ("clicked", "happened"),
        ("replied", "happened"),
    ]
    workflow = engine.workflow(run)
    assert await closed_as(workflow) == "COMPLETED"
    known = await everything_known(engine.client, workflow)
    assert str(contact).encode() in known
    assert leaked(known) == []
    assert [token for token in tokens if token.encode() in known] == []


def test_the_search_finds_a_word_however_it_is_written() -> None:
    for text in (EMAIL, "BRONTË", '"Bront\\u00eb"', "7, rue des Lilas"):
        assert leaked(text.encode()) != []
    assert leaked(b'{"step": "pause", "reason": "not_taken"}') == []

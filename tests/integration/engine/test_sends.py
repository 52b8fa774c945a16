"""Sends: what goes out once, what is skipped and why, and what an attempt that died leaves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import Envelope

from store.events.attribute_changes import put_contact
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

TOPIC = "topic: offers\nname: Offers\ndefault: {default}\n"


def journey(send: str, rules: str = "") -> str:
    return f"""
journey: sends
entry: {{event: Begun}}
re_entry: always
{rules}
steps:
  - {{id: ready, wait: {{event: Ready}}}}
  - {{id: mail, {send}}}
"""


PLAIN = journey("email: {subject: Hi, text: Hi, transactional: true}")


async def sent(engine: Engine, contact: UUID, timeout: float = 20.0) -> dict[str, Any]:
    """The visit to the send, once the run has ended."""
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    await engine.event(contact, "Ready")
    return await visited(engine, contact, timeout)


async def visited(engine: Engine, contact: UUID, timeout: float = 20.0) -> dict[str, Any]:
    """The visit to the send, once the run has ended."""
    run = await engine.ended(contact, timeout)
    assert run["outcome"] == "completed"
    return (await engine.visits(run["id"]))[1]


async def messages(engine: Engine) -> list[tuple[str, str | None, int]]:
    """State, code and attempts of all messages, in order."""
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select state, code, attempts from message order by first_attempt_at"
        )
        return [(state, code, attempts) for state, code, attempts in await cursor.fetchall()]


# ------------------------------------------------------------------------------------------ skips


async def test_without_consent_nothing_is_sent(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(TOPIC.format(default="opt_in"))
    await engine.activate(journey("email: {subject: Hi, text: Hi, topic: offers}"))
    contact = await engine.contact(email="ada@example.com")
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "consent")
    await engine.event(contact, "Topic Subscribed", topic="offers")
    assert (await sent(engine, contact))["outcome"] == "sent"
    await engine.event(contact, "Topic Unsubscribed", topic="offers")
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "consent")
    assert (len(smtp_sink.messages), len(await messages(engine))) == (1, 1)


async def test_a_double_opt_in_is_no_consent_until_it_is_confirmed(engine: Engine) -> None:
    await engine.activate(TOPIC.format(default="double"))
    await engine.activate(journey("email: {subject: Hi, text: Hi, topic: offers}"))
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Topic Subscribed", topic="offers")
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "consent")
    await engine.event(contact, "Topic Confirmed", topic="offers")
    assert (await sent(engine, contact))["outcome"] == "sent"


async def test_a_transactional_send_asks_for_no_consent(engine: Engine) -> None:
    await engine.activate(TOPIC.format(default="opt_in"))
    await engine.activate(
        journey("email: {subject: Hi, text: Hi, topic: offers, transactional: true}")
    )
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "sent"


async def test_who_never_decided_gets_what_is_opt_out(
    engine: Engine,
) -> None:
    await engine.activate(TOPIC.format(default="opt_out"))
    await engine.activate(journey("email: {subject: Hi, text: Hi, topic: offers}"))
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "sent"


@pytest.mark.parametrize(
    "send",
    [
        "email: {subject: Hi, text: Hi, transactional: true}",
        "sms: {text: Hi, transactional: true}",
    ],
)
async def test_without_an_address_nothing_is_sent(engine: Engine, send: str) -> None:
    await engine.activate(journey(send))
    visit = await sent(engine, await engine.contact())
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "no_address")
    assert await messages(engine) == []


@pytest.mark.parametrize(
    "send",
    [
        "email: {subject: Hi, text: Hi, transactional: true}",
        "sms: {text: Hi, transactional: true}",
        'webhook: {url: "https://shop.example/hook"}',
    ],
)
async def test_nothing_is_sent_to_a_restricted_contact_or_about_it(
    engine: Engine, send: str
) -> None:
    await engine.activate(journey(send))
    contact = await engine.contact(external_id="ada", email="ada@example.com", phone="+33612345678")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    async with engine.pool.connection() as conn, conn.transaction():
        await put_contact(conn, "ada", {"restricted": True}, reason="she asked for it")
    await engine.event(contact, "Ready")
    visit = await visited(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "restricted")
    assert await messages(engine) == []
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select properties from event where name = 'Contact Changed' and contact_id = %s",
            (contact,),
        )
        assert await cursor.fetchall() == [
            (
                {
                    "names": ["restricted"],
                    "changes": {"restricted": [None, True]},
                    "reason": "she asked for it",
                },
            )
        ]


async def test_an_address_that_complained_is_never_written_to_again(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    contact = await engine.contact(email="Ada@Example.com")
    assert (await sent(engine, contact))["outcome"] == "sent"
    await engine.event(contact, "Message Complained", step="mail")
    # The address is suppressed for every contact that has it, in any spelling.
    other = await engine.contact(email="ada@example.com")
    for each in (contact, other):
        visit = await sent(engine, each)
        assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "suppressed")
    assert len(smtp_sink.messages) == 1


async def test_a_send_whose_condition_is_false_is_skipped_with_what_it_saw(engine: Engine) -> None:
    await engine.activate(
        journey(
            "if: {attribute: plan, is: gold}, email: {subject: Hi, text: Hi, transactional: true}"
        )
    )
    contact = await engine.contact(email="ada@example.com", attributes={"plan": "free"})
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "if")
    assert "free" in str(visit["facts"]["saw"])
    assert await messages(engine) == []


# ------------------------------------------------------------------------------ providers' answers


def answers(*replies: str) -> Any:
    """These replies in order, then acceptance."""
    left: Iterator[str] = iter(replies)
    return lambda _envelope: next(left, "250 OK")


async def test_a_refused_message_fails_and_its_unknown_address_is_suppressed(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    smtp_sink.answer = answers("550 5.1.1 <ada@example.com> is unknown")
    contact = await engine.contact(email="ada@example.com")
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("failed", "address_unknown")
    assert await messages(engine) == [("refused", "address_unknown", 1)]
    visit = await sent(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "suppressed")
    assert smtp_sink.messages == []


async def test_a_refused_content_fails_and_suppresses_no_address(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    smtp_sink.answer = answers("554 5.7.1 this looks like spam")
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "failed"
    assert (await sent(engine, contact))["outcome"] == "sent"


async def test_a_message_not_taken_is_tried_again_and_sent_once(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    smtp_sink.answer = answers("451 4.7.1 try again later")
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "sent"
    assert len(smtp_sink.messages) == 1
    assert await messages(engine) == [("sent", None, 2)]


class Lost:
    """A server that takes mails, and loses the connection before it can say so."""

    def __init__(self, sink: SmtpSink, times: int) -> None:
        self._sink = sink
        self._left = times
        self.taken = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self._left > 0:
            self._left -= 1
            self.taken += 1
            server.transport.abort()
            return "250 OK"
        return await SmtpSink.handle_DATA(self._sink, server, session, envelope)


async def test_an_unclear_answer_is_unknown_and_nothing_is_sent_again(
    engine: Engine, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Lost(smtp_sink, times=1)
    monkeypatch.setattr(smtp_sink, "handle_DATA", lost.handle_DATA)
    await engine.activate(PLAIN)
    visit = await sent(engine, await engine.contact(email="ada@example.com"))
    assert (visit["outcome"], visit["facts"]["reason"]) == ("unknown", "interrupted")
    assert (lost.taken, smtp_sink.messages) == (1, [])
    assert await messages(engine) == [("unknown", "interrupted", 1)]


async def test_an_unclear_answer_is_sent_again_where_the_step_says_so(
    engine: Engine, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Lost(smtp_sink, times=1)
    monkeypatch.setattr(smtp_sink, "handle_DATA", lost.handle_DATA)
    await engine.activate(
        journey("email: {subject: Hi, text: Hi, transactional: true, on_unknown: resend}")
    )
    visit = await sent(engine, await engine.contact(email="ada@example.com"))
    assert visit["outcome"] == "sent"
    assert (lost.taken, len(smtp_sink.messages)) == (1, 1)
    assert await messages(engine) == [("sent", None, 2)]


async def test_a_notification_settles_an_unknown_message_and_the_outcome_stays(
    engine: Engine, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_sink, "handle_DATA", Lost(smtp_sink, times=1).handle_DATA)
    await engine.activate(PLAIN)
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "unknown"
    await engine.event(contact, "Message Delivered", step="mail")
    assert [state for state, *_ in await messages(engine)] == ["sent"]
    assert (await visited(engine, contact))["outcome"] == "unknown"


async def test_a_template_that_would_print_nothing_fails_and_names_the_variable(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        journey('email: {subject: Hi, text: "Hi {{ contact.first_name }}", transactional: true}')
    )
    visit = await sent(engine, await engine.contact(email="ada@example.com"))
    assert (visit["outcome"], visit["facts"]["reason"]) == ("failed", "template")
    assert "contact.first_name" in visit["facts"]["detail"]
    assert smtp_sink.messages == []


# ------------------------------------------------------------------------- attempts that have died


async def claimed_before(engine: Engine, contact: UUID, ago: timedelta) -> None:
    """Claim the next send `ago` before now, as by an attempt that died."""
    await engine.event(contact, "Begun")
    run = await engine.standing_at(contact, "ready")
    async with engine.pool.connection() as conn:
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " claimed_at, first_attempt_at) values (%(id)s, %(run)s, 2, 'mail', %(contact)s,"
            " 'email', 'claimed', 'another', parcours.clock() - %(ago)s,"
            " parcours.clock() - %(ago)s)",
            {"id": uuid4(), "run": run["id"], "contact": contact, "ago": ago},
        )
    await engine.event(contact, "Ready")


async def test_a_send_that_died_between_claim_and_record_is_unknown(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    contact = await engine.contact(email="ada@example.com")
    await claimed_before(engine, contact, timedelta(minutes=1))
    visit = await visited(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("unknown", "interrupted")
    assert await messages(engine) == [("unknown", "interrupted", 1)]
    assert smtp_sink.messages == []


async def test_a_send_that_died_is_sent_again_where_the_step_says_so(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        journey("email: {subject: Hi, text: Hi, transactional: true, on_unknown: resend}")
    )
    contact = await engine.contact(email="ada@example.com")
    await claimed_before(engine, contact, timedelta(minutes=1))
    assert (await visited(engine, contact))["outcome"] == "sent"
    assert await messages(engine) == [("sent", None, 2)]
    assert len(smtp_sink.messages) == 1


@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
async def test_a_claim_that_another_attempt_holds_is_waited_out(
    engine: Engine, smtp_sink: SmtpSink, on_unknown: str
) -> None:
    await engine.activate(
        journey(f"email: {{subject: Hi, text: Hi, transactional: true, on_unknown: {on_unknown}}}")
    )
    contact = await engine.contact(email="ada@example.com")
    await claimed_before(engine, contact, timedelta(seconds=27))
    run = await engine.run_of(contact)

    async def waits() -> bool:
        description = await engine.workflow(run).describe()
        return any(
            pending.last_failure.message == "claim_held"
            for pending in description.raw_description.pending_activities
        )

    await eventually(waits, what="an attempt that waits for the other")
    assert await messages(engine) == [("claimed", None, 1)]
    assert smtp_sink.messages == []
    visit = await visited(engine, contact, timeout=30)
    assert visit["outcome"] == ("unknown" if on_unknown == "hold" else "sent")
    assert len(smtp_sink.messages) == (on_unknown == "resend")


# ------------------------------------------------------------------------------------------ pauses


async def test_a_paused_journey_holds_its_sends_until_a_wake_after_it_resumed(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'paused'")
    # The wait runs on.
    await engine.event(contact, "Ready")
    run = await engine.standing_at(contact, "mail")
    assert (await engine.visits(run["id"]))[1]["held"] == "paused"
    assert (smtp_sink.messages, await messages(engine)) == ([], [])
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'active'")
    await engine.workflow(run).signal("wake", {"visit": 2})
    assert (await visited(engine, contact))["outcome"] == "sent"
    assert len(smtp_sink.messages) == 1


async def test_a_channel_that_is_refused_stands_above_topics(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(TOPIC.format(default="opt_out"))
    await engine.activate(journey("email: {subject: Hi, text: Hi, topic: offers}"))
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Channel Unsubscribed", channel="sms")
    assert (await sent(engine, contact))["outcome"] == "sent"
    # The consent is withdrawn while the send is queued: the claim itself asks.
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    await engine.event(contact, "Channel Unsubscribed", channel="email")
    await engine.event(contact, "Ready")
    visit = await visited(engine, contact)
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "consent")
    assert (visit["facts"]["topic"], visit["facts"]["channel"]) == ("offers", "email")
    await engine.event(contact, "Channel Subscribed", channel="email")
    assert (await sent(engine, contact))["outcome"] == "sent"
    assert len(smtp_sink.messages) == 2


async def test_what_a_contact_asked_for_is_sent_although_it_refused_the_channel(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(PLAIN)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Channel Unsubscribed", channel="email")
    assert (await sent(engine, contact))["outcome"] == "sent"
    assert len(smtp_sink.messages) == 1


@pytest.mark.parametrize(
    ("brand", "own", "sender"),
    [
        ("", "", "Parcours <parcours@example.com>"),
        ("default", "", "Acme <hello@acme.test>"),
        ("acme", "", "Offers <offers@acme.test>"),
        ("acme", ", from: me@acme.test", "me@acme.test"),
    ],
)
async def test_the_sender_is_that_of_the_nearest(
    engine: Engine, smtp_sink: SmtpSink, brand: str, own: str, sender: str
) -> None:
    if brand:
        await engine.activate(
            "brand: default\nname: Acme\nfrom: Acme <hello@acme.test>\nreply_to: us@acme.test\n"
            "---\nbrand: acme\nname: Acme\nfrom: Offers <offers@acme.test>\n"
        )
    topic = TOPIC.format(default="opt_out") + (f"brand: {brand}\n" if brand == "acme" else "")
    await engine.activate(topic)
    await engine.activate(journey(f"email: {{subject: Hi, text: Hi, topic: offers{own}}}"))
    contact = await engine.contact(email="ada@example.com")
    assert (await sent(engine, contact))["outcome"] == "sent"
    [mail] = smtp_sink.messages
    assert mail.message["From"] == sender
    assert mail.message["Reply-To"] == ("us@acme.test" if brand else None)

"""Text messages that come in: STOP, START and HELP of a number, and replies."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from channels.adapter import Outgoing, Receipt, Sms
from channels.errors import Code, NotTaken
from inbound.intake import Intake
from inbound.text_answers import TextAnswers
from store.messages.suppressions import find_suppression, suppress
from tests.support.messages import Pool, add_contact, add_message, rows

PHONE = "+14255550182"


async def come(pool: Pool, text: str, key: str, **fields: Any) -> None:
    """A text message comes in, by way of End User Messaging."""
    record = {
        "originationNumber": PHONE,
        "destinationNumber": "+12125550101",
        "messageKeyword": "KEYWORD_12125550101",
        "messageBody": text,
        "inboundMessageId": key,
        **fields,
    }
    assert await Intake(pool).take_texts([(key, orjson.dumps(record).decode())]) == ["taken"]


async def suppressed(pool: Pool) -> str | None:
    async with pool.connection() as conn:
        return await find_suppression(conn, "sms", PHONE)


class Telephone:
    """An adapter that keeps what it is to send."""

    channel = "sms"
    timeout = 1.0

    def __init__(self, *, working: bool = True) -> None:
        self.sent: list[Sms] = []
        self._working = working

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Keep a message, or refuse it."""
        assert isinstance(outgoing, Sms)
        self.sent.append(outgoing)
        if not self._working:
            raise NotTaken(Code.UNREACHABLE, "no network")
        return Receipt()

    async def close(self) -> None:
        """Do nothing."""


async def test_stop_ends_all_text_messages_to_the_number_and_start_lifts_it(pool: Pool) -> None:
    first, second = [await add_contact(pool, phone=PHONE) for _ in range(2)]
    other = await add_contact(pool, phone="+14255550199")
    for _ in range(2):
        await come(pool, "Stop!", "in-1")
    assert await suppressed(pool) == "stop"
    assert set(await rows(pool, "select contact_id, channel, state from channel_state")) == {
        (first, "sms", "unsubscribed"),
        (second, "sms", "unsubscribed"),
    }
    assert await rows(
        pool, "select distinct source, text from consent_record where state = 'unsubscribed'"
    ) == [("sms", "Stop!")]
    assert await rows(pool, "select count(*) from event where name = 'Channel Unsubscribed'") == [
        (2,)
    ]
    await come(pool, "START", "in-2")
    assert await suppressed(pool) is None
    assert await rows(pool, "select distinct state from channel_state") == [("subscribed",)]
    assert await rows(pool, "select name from event where contact_id = %s", other) == []


async def test_stop_of_an_unknown_number_suppresses_it_as_well(pool: Pool) -> None:
    await come(pool, "ARRET", "in-1")
    assert await suppressed(pool) == "stop"


async def test_start_lifts_no_other_reason(pool: Pool) -> None:
    async with pool.connection() as conn:
        await suppress(conn, [("sms", PHONE, "bounced")])
    await come(pool, "start", "in-1")
    assert await suppressed(pool) == "bounced"


async def test_each_keyword_is_answered_once_a_day(pool: Pool) -> None:
    for number, text in enumerate(["HELP", "Hilfe", "STOP", "stop", "START", "HELP"]):
        await come(pool, text, f"in-{number}")
    telephone = Telephone()
    texts = {"help": "Shop: ask us at help@example.com", "stop": "Shop: no more messages"}
    answers = TextAnswers(pool, telephone, texts)  # type: ignore[arg-type]
    assert await answers.send() == 2
    assert sorted((each.to, each.text) for each in telephone.sent) == [
        (PHONE, "Shop: ask us at help@example.com"),
        (PHONE, "Shop: no more messages"),
    ]
    assert await answers.send() == 0
    assert await rows(pool, "select count(*) from text_answer") == [(0,)]


async def test_an_answer_that_fails_is_not_repeated(pool: Pool) -> None:
    await come(pool, "HELP", "in-1")
    telephone = Telephone(working=False)
    answers = TextAnswers(pool, telephone, {"help": "Shop"})  # type: ignore[arg-type]
    for _ in range(2):
        assert await answers.send() == 0
    assert len(telephone.sent) == 1


@pytest.mark.parametrize("named", [True, False])
async def test_a_reply_is_of_the_message_that_it_names_or_else_of_the_latest(
    pool: Pool, named: bool
) -> None:
    contact = await add_contact(pool, phone=PHONE)
    older = await add_message(pool, contact, channel="sms", provider_id="OUT-1", address=PHONE)
    newer = await add_message(pool, contact, channel="sms", provider_id="OUT-2", address=PHONE)
    await add_message(pool, contact, channel="sms", address="+14255550111")
    await add_message(pool, contact, channel="sms", state="refused", address=PHONE)
    await add_message(pool, contact, channel="email")
    fields = {"previousPublishedMessageId": "OUT-1"} if named else {}
    for _ in range(2):
        await come(pool, "Yes, please", "in-1", **fields)
    expected: UUID = older if named else newer
    assert await rows(
        pool, "select name, properties->>'message_id', properties->>'text' from event"
    ) == [("Message Replied", str(expected), "Yes, please")]
    assert await rows(pool, "select id from message where replied_at is not null") == [(expected,)]


async def test_a_reply_of_a_stranger_changes_nothing(pool: Pool) -> None:
    await add_message(pool, await add_contact(pool, phone="+14255550111"), channel="sms")
    await come(pool, "Who are you?", "in-1")
    await come(pool, "Your code is 1234", "in-2", originationNumber="72345")
    assert await rows(pool, "select count(*) from event") == [(0,)]

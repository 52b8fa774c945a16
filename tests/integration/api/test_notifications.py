"""What SNS posts to the API: believed if Amazon signed it, confirmed, and recorded once."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.amazon import SUBSCRIBE_URL, TOPIC, Amazon, envelope, ses_event
from tests.support.api import serving
from tests.support.messages import Pool, add_contact, add_message, rows


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def hooks(settings: Settings, amazon: Amazon) -> Iterator[httpx.Client]:
    settings = settings.model_copy(update={"sns_topics": (TOPIC,)})
    with serving(settings, amazon=amazon.fetch) as url, httpx.Client(base_url=url) as client:
        yield client


def post(client: httpx.Client, record: dict[str, Any], path: str = "/hooks/ses") -> httpx.Response:
    """Post as SNS does."""
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": record.get("Type", ""),
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    return client.post(path, content=orjson.dumps(record), headers=headers)


def post_bytes(
    client: httpx.Client, body: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Post what SNS would not."""
    return client.post("/hooks/ses", content=body, headers=headers)


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_notification_is_recorded_once(
    hooks: httpx.Client, pool: Pool, version: str
) -> None:
    message = await add_message(pool, await add_contact(pool, email="ann@example.com"))
    record = ses_event("Delivery", "ID-1", message_id=message)
    first = envelope(record, SignatureVersion=version)
    again = envelope(record, SignatureVersion=version)
    for each in (first, first, again):
        answer = post(hooks, each)
        assert (answer.status_code, answer.content) == (204, b"")
    assert await rows(pool, "select name from event") == [("Message Delivered",)]


async def test_forged_replayed_and_foreign_notifications_change_nothing(
    hooks: httpx.Client, pool: Pool
) -> None:
    message = await add_message(pool, await add_contact(pool, email="ann@example.com"))
    record = ses_event("Complaint", "ID-1", {"feedbackId": "1"}, message_id=message)
    genuine = envelope(record)
    answers = [
        post(hooks, envelope(record, key="thief")),
        post(hooks, {**genuine, "Message": genuine["Message"].replace("ID-1", "ID-2")}),
        post(hooks, envelope(record, TopicArn=TOPIC.replace("123456789012", "210987654321"))),
        post(hooks, envelope(record, Timestamp="2025-01-01T00:00:00.000Z")),
        post(hooks, {name: value for name, value in genuine.items() if name != "Signature"}),
        post(hooks, record),
        *(post_bytes(hooks, noise) for noise in (b"nonsense", b"", b"x" * 3_000_000)),
    ]
    assert [answer.status_code for answer in answers[:4]] == [403] * 4
    assert [answer.status_code for answer in answers[4:]] == [400, 400, 400, 400, 413]
    assert answers[0].json()["code"] == "forged"
    raw = post_bytes(hooks, orjson.dumps(record), {"x-amz-sns-rawdelivery": "true"})
    assert (raw.status_code, raw.json()["code"]) == (403, "not_signed")
    # One of another installation that sends by the same account is answered as all are.
    foreign = ses_event("Complaint", "ID-9", {"feedbackId": "2"}, message_id=uuid4())
    assert post(hooks, envelope(foreign)).status_code == 204
    assert await rows(pool, "select count(*) from event") == [(0,)]
    assert await rows(pool, "select count(*) from suppression") == [(0,)]
    assert post(hooks, genuine).status_code == 204
    assert await rows(pool, "select count(*) from suppression") == [(1,)]


async def test_a_subscription_of_an_expected_topic_is_confirmed(
    hooks: httpx.Client, amazon: Amazon, pool: Pool
) -> None:
    handshake = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": SUBSCRIBE_URL}
    other = {**handshake, "TopicArn": f"{TOPIC}-of-another"}
    assert post(hooks, envelope("You have chosen to subscribe", **other)).status_code == 403
    assert amazon.asked == []
    assert post(hooks, envelope("You have chosen to subscribe", **handshake)).status_code == 204
    assert amazon.asked[-1] == SUBSCRIBE_URL
    ended = {**handshake, "Type": "UnsubscribeConfirmation"}
    asked = len(amazon.asked)
    assert post(hooks, envelope("You have chosen to deactivate", **ended)).status_code == 204
    assert len(amazon.asked) == asked
    assert await rows(pool, "select code, subject from fault") == [
        ("subscription_ended", f"topic {TOPIC}")
    ]


async def test_a_notification_that_cannot_be_read_is_set_aside_and_not_repeated(
    hooks: httpx.Client, pool: Pool
) -> None:
    greeting = "Successfully validated SNS topic for Amazon SES event publishing."
    assert post(hooks, envelope(greeting)).status_code == 204
    assert await rows(pool, "select count(*) from fault") == [(0,)]
    assert post(hooks, envelope({"hello": "world"})).status_code == 204
    assert await rows(pool, "select code from fault") == [("unreadable",)]


async def test_without_an_expected_topic_nothing_is_taken(settings: Settings) -> None:
    with serving(settings) as url, httpx.Client(base_url=url) as client:
        answer = post(client, envelope("{}"))
    assert (answer.status_code, answer.json()["code"]) == (404, "no_topics")


async def test_a_text_message_that_comes_in_has_its_effect(hooks: httpx.Client, pool: Pool) -> None:
    contact = await add_contact(pool, phone="+14255550182")
    await add_message(pool, contact, channel="sms")
    record = {
        "originationNumber": "+14255550182",
        "destinationNumber": "+12125550101",
        "messageKeyword": "KEYWORD",
        "messageBody": "STOP",
        "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
    }
    assert post(hooks, envelope(record), "/hooks/sms").status_code == 204
    assert await rows(pool, "select channel, reason from suppression") == [("sms", "stop")]


JOURNEY = """\
journey: asking
entry: {event: Begun}
defaults: {transactional: true}
steps:
  - {id: text, sms: {text: Do you come?}}
  - {id: answer, wait: {message: text, is: replied, up_to: 1d}}
"""


@pytest.mark.parametrize("topics", [(), (TOPIC,)])
async def test_replied_is_refused_where_no_reply_comes_in(
    settings: Settings, pool: Pool, topics: tuple[str, ...]
) -> None:
    async with pool.connection() as conn:
        key = await create_key(conn, "admin")
    settings = settings.model_copy(update={"sns_topics": topics})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/yaml"}
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            answer = await client.put("/v1/journeys/asking", content=JOURNEY)
    assert answer.is_success is bool(topics)
    if not topics:
        assert "no reply by sms can come in here" in answer.text

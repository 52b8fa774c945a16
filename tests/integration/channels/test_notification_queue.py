"""The queue of notifications (SQS, by moto): recorded before deleted, and nothing twice."""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import orjson
import pytest

from inbound.intake import Intake
from inbound.queue import QueuePoller
from tests.support.amazon import envelope, ses_event
from tests.support.conditions import eventually
from tests.support.messages import Pool, add_contact, add_message, rows

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def queue(moto_endpoint: str) -> Iterator[tuple["SQSClient", str]]:
    client: SQSClient = boto3.client("sqs", region_name="eu-west-1", endpoint_url=moto_endpoint)
    yield client, client.create_queue(QueueName=f"events-{uuid4()}")["QueueUrl"]
    client.close()


def poller(pool: Pool, endpoint: str, url: str, **options: Any) -> QueuePoller:
    given = {"wait": 1, **options}
    return QueuePoller(Intake(pool), url, region="eu-west-1", endpoint_url=endpoint, **given)


async def is_empty(client: "SQSClient", url: str) -> bool:
    """Whether the queue holds no message, visible or not."""
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        attributes["ApproximateNumberOfMessages"],
        attributes["ApproximateNumberOfMessagesNotVisible"],
    } == {"0"}


async def test_a_queue_brings_raw_and_wrapped_notifications_once(
    pool: Pool, moto_endpoint: str, queue: tuple["SQSClient", str]
) -> None:
    client, url = queue
    contact = await add_contact(pool, email="ann@example.com")
    messages = [await add_message(pool, contact) for _ in range(12)]
    for message in messages:
        record = ses_event("Delivery", f"ID {message}", message_id=message)
        client.send_message(QueueUrl=url, MessageBody=orjson.dumps(record).decode())
        wrapped = orjson.dumps(envelope(record)).decode()
        client.send_message(QueueUrl=url, MessageBody=wrapped)
    client.send_message(QueueUrl=url, MessageBody="nonsense")
    polling = poller(pool, moto_endpoint, url)
    running = asyncio.create_task(polling.run())

    await eventually(partial(is_empty, client, url), 30)
    polling.stop()
    await running
    assert await rows(pool, "select count(*) from event") == [(12,)]
    assert await rows(pool, "select count(*) from message where delivered_at is null") == [(0,)]
    assert await rows(pool, "select code from fault") == [("unreadable",)]


@pytest.mark.parametrize("raw", ["true", "false"])
async def test_a_topic_publishes_to_the_queue(
    pool: Pool, moto_endpoint: str, queue: tuple["SQSClient", str], raw: str
) -> None:
    client, url = queue
    message = await add_message(pool, await add_contact(pool, email="ann@example.com"))
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    topics = boto3.client("sns", region_name="eu-west-1", endpoint_url=moto_endpoint)
    topic = topics.create_topic(Name="events")["TopicArn"]
    topics.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=attributes["Attributes"]["QueueArn"],
        Attributes={"RawMessageDelivery": raw},
    )
    record = ses_event("Delivery", "ID-1", message_id=message)
    topics.publish(TopicArn=topic, Message=orjson.dumps(record).decode())
    topics.close()
    assert await poller(pool, moto_endpoint, url).poll() == 1
    assert await rows(pool, "select name from event") == [("Message Delivered",)]


async def test_a_poller_that_dies_before_it_deletes_repeats_nothing(
    pool: Pool,
    moto_endpoint: str,
    queue: tuple["SQSClient", str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, url = queue
    contact = await add_contact(pool, email="ann@example.com")
    message = await add_message(pool, contact)
    record = ses_event("Bounce", "ID-1", {"bounceType": "Transient"}, message_id=message)
    client.send_message(QueueUrl=url, MessageBody=orjson.dumps(record).decode())
    dying = poller(pool, moto_endpoint, url, invisible=1)

    async def die(_messages: list[Any]) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(dying, "_delete", die)
    with pytest.raises(asyncio.CancelledError):
        await dying.poll()
    assert await rows(pool, "select count(*) from event") == [(1,)]
    following = poller(pool, moto_endpoint, url)
    assert await eventually(following.poll) == 1
    assert await rows(pool, "select count(*) from event") == [(1,)]
    assert await following.poll() == 0


async def test_pollers_that_are_killed_lose_and_repeat_nothing(
    pool: Pool, database_url: str, moto_endpoint: str, queue: tuple["SQSClient", str]
) -> None:
    client, url = queue
    contact = await add_contact(pool, email="ann@example.com")
    messages = [await add_message(pool, contact, state="unknown") for _ in range(100)]
    for start in range(0, len(messages), 5):
        entries: Any = [
            {
                "Id": f"{message}-{copy}",
                "MessageBody": orjson.dumps(
                    ses_event("Delivery", f"ID {message}", message_id=message)
                ).decode(),
            }
            for message in messages[start : start + 5]
            for copy in range(2)
        ]
        client.send_message_batch(QueueUrl=url, Entries=entries)

    async def recorded(more_than: int) -> bool:
        ((count,),) = await rows(pool, "select count(*) from event")
        return int(count) > more_than

    for reached in (0, 20):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.poller_process", database_url, moto_endpoint, url
        )
        await eventually(partial(recorded, reached), 20)
        process.kill()
        await process.wait()
    last = poller(pool, moto_endpoint, url)
    running = asyncio.create_task(last.run())

    await eventually(partial(is_empty, client, url), 30)
    last.stop()
    await running
    assert await rows(pool, "select count(*), count(distinct message_id) from event") == [
        (100, 100)
    ]
    assert await rows(
        pool, "select count(*) from message where state <> 'sent' or delivered_at is null"
    ) == [(0,)]


async def test_a_message_with_a_fault_blocks_no_others_and_is_given_up_after_five_times(
    pool: Pool,
    moto_endpoint: str,
    queue: tuple["SQSClient", str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, url = queue
    contact = await add_contact(pool, email="ann@example.com")
    good, bad = await add_message(pool, contact), await add_message(pool, contact)
    for message in (bad, good):
        record = ses_event("Delivery", f"ID {message}", message_id=message)
        client.send_message(QueueUrl=url, MessageBody=orjson.dumps(record).decode())
    # A fault of the database for one message alone.
    await rows(
        pool,
        "create function refuse() returns trigger language plpgsql as $$ begin"
        f" if new.properties->>'message_id' = '{bad}' then raise exception 'broken'; end if;"
        " return new; end $$",
    )
    await rows(
        pool, "create trigger refuse before insert on event for each row execute function refuse()"
    )
    polling = poller(pool, moto_endpoint, url, invisible=0)
    tries = 0

    async def settled() -> bool:
        nonlocal tries
        tries += await polling.poll()
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return attributes["ApproximateNumberOfMessages"] == "0"

    await eventually(settled, 60)
    assert await rows(pool, "select properties->>'message_id' from event") == [(str(good),)]
    assert {code for (code,) in await rows(pool, "select code from fault")} == {
        "internal",
        "given_up",
    }
    assert 5 <= tries <= 11


async def test_a_queue_that_is_away_is_waited_for(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    polling = poller(pool, "http://127.0.0.1:1", "http://127.0.0.1:1/queue")
    running = asyncio.create_task(polling.run())
    await asyncio.wait([running], timeout=0.2)
    assert not running.done()
    polling.stop()
    await asyncio.wait_for(running, 5)

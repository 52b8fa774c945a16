"""The pace of sends: rates of all workers together, and who goes first where many wait."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import Envelope
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimitConfig
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from channels.adapter import Outgoing, Quota, Receipt
from channels.errors import Code, NotTaken
from dispatch.quotas import FollowedQuota
from dispatch.send_rates import SendRates, next_rate
from infra.clients import connect_temporal
from infra.settings import Settings
from journeys.protocol.channels import ChannelName
from journeys.schedule.ceilings import DailyCeiling, WarmUp
from simulation.servers import time_skipping_temporal
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

QUEUED = int(os.environ.get("QUEUED_SENDS", "240"))
"""Marketing messages that wait; `QUEUED_SENDS=50000` plays the crowd in full."""
RATE = 15.0
"""Messages per second."""
TIMED = 200
"""Messages by whose arrivals the rate is seen."""
URGENT = 20
"""Transactional mails that are timed, with and without the others."""
JOURNEYS = """
topic: offers
default: opt_out
---
journey: receipt
entry: {event: Paid}
re_entry: always
steps:
  - {id: mail, email: {subject: Receipt, text: Hi, transactional: true}}
---
journey: bulk
entry: {event: Bulk}
steps:
  - {id: mail, email: {subject: Bulk, text: Hi, topic: offers}}
---
journey: small
entry: {event: Small}
steps:
  - {id: mail, email: {subject: Small, text: Hi, topic: offers}}
"""


@dataclass
class Arrivals:
    """When mails came to the sink, by recipient; seconds."""

    at: dict[str, float] = field(default_factory=dict)

    def answer(self, envelope: Envelope) -> str:
        """Take a mail."""
        self.at[envelope.rcpt_tos[0]] = time.monotonic()
        return "250 OK"

    async def of(self, address: str) -> float:
        """When a mail came, waited for."""
        await eventually(lambda: address in self.at, 60.0, what=address)
        return self.at[address]


@asynccontextmanager
async def two_workers(
    settings: Settings, pool: Pool, client: Client, **changes: object
) -> AsyncIterator[Engine]:
    settings = settings.model_copy(update=changes)
    async with AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(engine_at_work(settings, pool, each))
            for each in (client, await connect_temporal(settings))
        ]
        yield engines[0]


async def waiting(client: Client) -> int:
    """How many sends wait in the queue of e-mails."""
    request = DescribeTaskQueueRequest(namespace=client.namespace, report_stats=True)
    request.task_queue.name = "send-email"
    request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    answer = await client.workflow_service.describe_task_queue(request)
    return answer.stats.approximate_backlog_count


async def crowd(engine: Engine, name: str, event: str, size: int) -> list[str]:
    """The addresses of so many contacts with this event each."""
    addresses = [f"{name}-{number}@example.com" for number in range(size)]
    for start in range(0, size, 50):
        made = [engine.contact(email=address) for address in addresses[start : start + 50]]
        contacts: list[UUID] = await asyncio.gather(*made)
        await asyncio.gather(*(engine.event(contact, event) for contact in contacts))
    return addresses


async def delays(engine: Engine, arrivals: Arrivals, name: str) -> float:
    """The 95th percentile of the seconds from an event to its transactional mail."""
    found = []
    for number in range(URGENT):
        address = f"{name}-{number}@example.com"
        contact = await engine.contact(email=address)
        begun = time.monotonic()
        await engine.event(contact, "Paid")
        found.append(await arrivals.of(address) - begun)
    return sorted(found)[int(0.95 * len(found)) - 1]


@pytest.mark.long
async def test_marketing_is_sent_at_its_rate_and_delays_nothing_urgent(
    engine_settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    record_property: Callable[[str, object], None],
) -> None:
    arrivals = Arrivals()
    smtp_sink.answer = arrivals.answer
    async with two_workers(
        engine_settings, pool, temporal_client, send_rate_email=RATE, slots_sends=5
    ) as engine:
        await engine.activate(JOURNEYS)
        quiet = await delays(engine, arrivals, "quiet")
        # While they come they hardly leave.
        await SendRates(temporal_client, {"email": 0.5}).begin()
        bulk = await crowd(engine, "bulk", "Bulk", QUEUED)

        async def all_queued() -> bool:
            try:
                return await waiting(temporal_client) + len(arrivals.at) >= URGENT + QUEUED
            except RPCError:
                # A server that starts thousands of runs may be too busy to answer.
                return False

        await eventually(all_queued, 60.0 + QUEUED / 5)
        await SendRates(temporal_client, {"email": RATE}).begin()
        small = await crowd(engine, "small", "Small", 5)
        busy = await delays(engine, arrivals, "busy")
        if busy > quiet + 2 / RATE + 0.3:
            # Once more: what else this machine does only adds to it.
            busy = await delays(engine, arrivals, "once-more")
        for address in small:
            await arrivals.of(address)
        # The turn of a small journey comes while the large one still waits.
        assert await waiting(temporal_client) > 0, "the urgent and the few met no others"
        await eventually(lambda: len(arrivals.at) >= TIMED, 60.0)
        every = sorted(arrivals.at.values())
    record_property("queued", len(bulk))
    record_property("urgent_p95_seconds", {"quiet": round(quiet, 3), "beside_them": round(busy, 3)})
    assert busy <= quiet + 2 / RATE + 0.3
    within = [after - before for before, after in zip(every, every[int(8 * RATE) :], strict=False)]
    # Each worker for itself would send twice as many; a burst at the beginning is Temporal's.
    assert min(within) > 0.8 * 8


async def test_a_rate_that_is_taken_back_slows_nothing_down(
    engine_settings: Settings, pool: Pool, temporal_client: Client, smtp_sink: SmtpSink
) -> None:
    arrivals = Arrivals()
    smtp_sink.answer = arrivals.answer
    async with two_workers(engine_settings, pool, temporal_client, send_rate_email=0.1):
        pass
    async with two_workers(engine_settings, pool, temporal_client) as engine:
        await engine.activate(JOURNEYS)
        for address in await crowd(engine, "bulk", "Bulk", 5):
            await arrivals.of(address)
    assert max(arrivals.at.values()) - min(arrivals.at.values()) < 10


async def test_a_worker_that_starts_leaves_what_a_queue_has_already(
    temporal_client: Client,
) -> None:
    await SendRates(temporal_client, {"email": 20.0}).begin()
    before = await queue_limit(temporal_client)
    await SendRates(temporal_client, {"email": 20.0}).begin()
    assert await queue_limit(temporal_client) == before
    await SendRates(temporal_client, {"email": 10.0}).begin()
    assert await queue_rate(temporal_client) == 10


async def test_a_server_that_sets_no_rates_is_warned_about_and_served() -> None:
    async with time_skipping_temporal() as environment:
        rates = SendRates(environment.client, {"email": 14.0})
        with capture_logs() as lines:
            await rates.begin()
            # It is not tried again.
            await rates.begin()
    [line] = [line for line in lines if line["event"] == "send_rate_not_set"]
    assert line["log_level"] == "warning"
    assert (line["channel"], line["status"]) == ("email", "UNIMPLEMENTED")


@pytest.mark.parametrize(
    ("now", "throttled", "age", "expected"),
    [
        (20, True, 60, 10),
        (10, True, 4, 10),
        (10, True, 6, 5),
        (1.5, True, 60, 1),
        (1, True, 60, 1),
        (10, False, 9, 10),
        (10, False, 11, 12.5),
        (19, False, 11, 20),
        (20, False, 60, 20),
    ],
)
def test_a_rate_is_halved_while_a_provider_throttles_and_grows_after(
    now: float, throttled: bool, age: float, expected: float
) -> None:
    assert next_rate(20, now, throttled=throttled, age=age) == expected


class Throttling:
    """A provider that throttles until it is not to."""

    channel: ChannelName = "email"
    timeout = 20.0
    throttles = True

    async def send(self, outgoing: Outgoing) -> Receipt:
        if self.throttles:
            raise NotTaken(Code.THROTTLED, "too fast")
        return Receipt(provider_id="1")

    async def close(self) -> None:
        return None


async def test_a_provider_that_throttles_is_obeyed_by_all_workers(
    engine_settings: Settings, pool: Pool, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long a rate stays is in the test above.
    monkeypatch.setattr("dispatch.send_rates.SLOWER_AGAIN", 1.0)
    monkeypatch.setattr("dispatch.send_rates.FASTER_AGAIN", 2.0)
    settings = engine_settings.model_copy(update={"send_rate_email": 20.0})
    provider = Throttling()

    async def at_rate(expected: float) -> bool:
        return await queue_rate(temporal_client) == expected

    async with engine_at_work(
        settings, pool, temporal_client, adapters={"email": provider}, reconcile_every=0.2
    ) as engine:
        await engine.activate(JOURNEYS)
        contact = await engine.contact(email="ada@example.com")
        # A rate that was set a moment ago stays for some seconds.
        assert await at_rate(20)
        await engine.event(contact, "Paid")
        await eventually(lambda: at_rate(10), 40.0)
        provider.throttles = False
        await engine.ended(contact)
        await eventually(lambda: at_rate(12.5), 40.0)


class Metered(Throttling):
    """A provider whose account has a quota."""

    throttles = False

    async def quota(self) -> Quota:
        return Quota(14.0, 50_000)


async def queue_rate(client: Client) -> float:
    """The rate of the queue of e-mails."""
    return (await queue_limit(client)).rate_limit.requests_per_second


async def queue_limit(client: Client) -> RateLimitConfig:
    """The rate of the queue of e-mails, and who set it when."""
    request = DescribeTaskQueueRequest(namespace=client.namespace, report_config=True)
    request.task_queue.name = "send-email"
    request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    answer = await client.workflow_service.describe_task_queue(request)
    return answer.config.queue_rate_limit


@pytest.mark.parametrize(("own", "rate"), [(None, 14.0), (5.0, 5.0)])
async def test_the_account_gives_the_rate_and_ceiling_that_the_settings_lack(
    temporal_client: Client, own: float | None, rate: float
) -> None:
    rates = SendRates(temporal_client, {} if own is None else {"email": own}, every=0.1)
    ramp = WarmUp(date(2026, 3, 1), 50, 1.5)
    ceilings: dict[ChannelName, DailyCeiling] = {"email": DailyCeiling(None, ramp)}
    await rates.begin()
    tasks = [
        asyncio.create_task(each)
        for each in (rates.run(), FollowedQuota(Metered(), rates, ceilings).run())
    ]

    async def followed() -> bool:
        return ceilings["email"].most == 50_000 and await queue_rate(temporal_client) == rate

    try:
        await eventually(followed)
        assert ceilings["email"].warm_up == ramp
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

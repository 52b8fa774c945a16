"""The rates of sends, which Temporal holds for all workers together.

The rate is set on the queue of the channel. What waits there waits in Temporal and takes no slot of
a worker, and leaves in the order of its priority, journeys in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, RateLimitConfig
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from journeys.protocol.channels import CHANNELS, ChannelName

log = structlog.get_logger(__name__)

_PATIENCE = timedelta(seconds=5)
_AGAIN = 10.0
"""Seconds after which a rate that could not be set is tried again."""
SLOWER_AGAIN: Final = 5.0
FASTER_AGAIN: Final = 10.0
"""Seconds for which a rate stays before it is lowered, or raised, again."""
_LEAST: Final = 0.05
_CONFIGURED: Final = "the rate of sends in the settings"
_THROTTLED: Final = "the provider throttles"
_RECOVERS: Final = "the provider throttles no more"
_FOR_GOOD: Final = (
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.INVALID_ARGUMENT,
)


def next_rate(base: float, now: float, *, throttled: bool, age: float) -> float:
    """The rate of a channel after one that was set `age` seconds ago.

    A provider that throttles halves it, down to a twentieth of `base`. While none does it grows by
    a quarter. It stays for some seconds each time, because several workers look at it.
    """
    if throttled:
        return now if age < SLOWER_AGAIN else max(now / 2, base * _LEAST)
    return now if age < FASTER_AGAIN else min(now * 1.25, base)


class SendRates:
    """Sets the rates of the channels' queues, and lowers them while a provider throttles."""

    def __init__(
        self, client: Client, rates: Mapping[ChannelName, float], *, every: float = _AGAIN
    ) -> None:
        """`rates`: messages per second by channel. A channel without one is not slowed down.

        `every`: seconds between looks.
        """
        self._client = client
        self._every = every
        self._rates = dict(rates)
        self._wanted: dict[ChannelName, float | None] = {
            channel: rates.get(channel) for channel in CHANNELS
        }
        self._throttled: set[ChannelName] = set()
        self._slowed: set[ChannelName] = set()
        self._news = asyncio.Event()

    async def begin(self) -> None:
        """Set the rates before this worker takes its first send."""
        await self._set_all()

    def has_rate(self, channel: ChannelName) -> bool:
        """Whether the channel has a rate."""
        return channel in self._rates

    def change(self, channel: ChannelName, rate: float) -> None:
        """Set another rate of a channel, soon."""
        self._rates[channel] = rate
        self._wanted[channel] = rate
        self._news.set()

    def slow_down(self, channel: ChannelName) -> None:
        """Note that a provider of the channel has throttled."""
        # A receiver of webhooks that throttles is not the only one.
        if channel in self._rates and CHANNELS[channel].to_contact:
            self._throttled.add(channel)
            self._news.set()

    async def run(self) -> None:
        """Set the rates that could not be set, and follow the providers."""
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self._set_all()
            throttled, self._throttled = self._throttled, set()
            for channel in throttled | self._slowed:
                await self._follow(channel, throttled=channel in throttled)

    async def _follow(self, channel: ChannelName, *, throttled: bool) -> None:
        """Lower a rate, or raise it again. The queue has it, because all workers share it."""
        base = self._rates[channel]
        try:
            limit = await self._limit(channel)
        except RPCError as error:
            log.warning("send_rate_unknown", channel=channel, status=error.status.name)
            return
        now = limit.rate_limit.requests_per_second or base
        age = (datetime.now(UTC) - limit.metadata.update_time.ToDatetime(UTC)).total_seconds()
        rate = next_rate(base, now, throttled=throttled, age=age)
        if throttled:
            self._slowed.add(channel)
        if abs(rate - now) < base / 1_000:
            if now >= base and not throttled:
                self._slowed.discard(channel)
            return
        reason = _THROTTLED if rate < now else _RECOVERS
        if await self._set(channel, rate, reason) and rate < now:
            log.warning("send_rate_lowered", channel=channel, rate=rate, base=base)

    async def _set_all(self) -> None:
        wanted = dict(self._wanted)
        # Temporal takes a tenth of a second for each change, and for several at once.
        done = await asyncio.gather(*(self._ensure(*each) for each in wanted.items()))
        for (channel, rate), settled in zip(wanted.items(), done, strict=True):
            # Another may have been asked for meanwhile.
            if settled and self._wanted.get(channel, rate) == rate:
                self._wanted.pop(channel, None)

    async def _ensure(self, channel: ChannelName, rate: float | None) -> bool:
        """Set the rate of a channel's queue unless it has it; False if it is to be tried again."""
        try:
            limit = await self._limit(channel)
        except RPCError:
            # The answer to the change says what is wrong.
            return await self._set(channel, rate, _CONFIGURED)
        has = limit.rate_limit.requests_per_second if limit.HasField("rate_limit") else None
        return has == rate or await self._set(channel, rate, _CONFIGURED)

    async def _limit(self, channel: ChannelName) -> RateLimitConfig:
        """The rate that a channel's queue has, and since when. Raises RPCError."""
        request = DescribeTaskQueueRequest(namespace=self._client.namespace, report_config=True)
        request.task_queue.name = CHANNELS[channel].queue
        request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
        answer = await self._client.workflow_service.describe_task_queue(request, timeout=_PATIENCE)
        return answer.config.queue_rate_limit

    async def _set(self, channel: ChannelName, rate: float | None, reason: str) -> bool:
        """Set the rate of a channel's queue; False if it is to be tried again."""
        request = UpdateTaskQueueConfigRequest(
            namespace=self._client.namespace,
            identity=self._client.identity,
            task_queue=CHANNELS[channel].queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=None if rate is None else RateLimit(requests_per_second=rate),
                reason=reason,
            ),
        )
        try:
            await self._client.workflow_service.update_task_queue_config(request, timeout=_PATIENCE)
        except RPCError as error:
            given_up = error.status in _FOR_GOOD
            if rate is not None:
                log.warning(
                    "send_rate_not_set",
                    channel=channel,
                    rate=rate,
                    status=error.status.name,
                    consequence="workers ask for the rate" if given_up else "tried again",
                )
            return given_up
        if rate is not None:
            log.info("send_rate_set", channel=channel, rate=rate)
        return True

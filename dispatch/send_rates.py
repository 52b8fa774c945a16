"""The rates of sends, which Temporal holds for all workers together.

The rate is set on the queue of the channel. What waits there waits in Temporal and takes no slot of
a worker, and leaves in the order of its priority, journeys in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from journeys.protocol.channels import CHANNELS, ChannelName

log = structlog.get_logger(__name__)

_PATIENCE = timedelta(seconds=5)
_AGAIN = 10.0
"""Seconds after which a rate that could not be set is tried again."""
_FOR_GOOD: Final = (
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.INVALID_ARGUMENT,
)


class SendRates:
    """Sets the rates of the channels' queues: once, and again while Temporal is away."""

    def __init__(self, client: Client, rates: Mapping[ChannelName, float]) -> None:
        """`rates`: messages per second by channel. A channel without one is not slowed down."""
        self._client = client
        self._wanted: dict[ChannelName, float | None] = {
            channel: rates.get(channel) for channel in CHANNELS
        }

    async def begin(self) -> None:
        """Set the rates before this worker takes its first send."""
        await self._set_all()

    async def run(self) -> None:
        """Set the rates that could not be set."""
        while self._wanted:
            await asyncio.sleep(_AGAIN)
            await self._set_all()

    async def _set_all(self) -> None:
        for channel, rate in list(self._wanted.items()):
            if await self._set(channel, rate):
                del self._wanted[channel]

    async def _set(self, channel: ChannelName, rate: float | None) -> bool:
        """Set the rate of a channel's queue; False if it is to be tried again."""
        request = UpdateTaskQueueConfigRequest(
            namespace=self._client.namespace,
            identity=self._client.identity,
            task_queue=CHANNELS[channel].queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=None if rate is None else RateLimit(requests_per_second=rate),
                reason="the rate of sends in the settings",
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

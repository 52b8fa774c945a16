"""Adapters that answer at once, so that a benchmark measures the engine alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels.adapter import Adapter, Outgoing, Receipt
from journeys.protocol.channels import CHANNELS, ChannelName


class InstantAdapter:
    """An adapter that takes every message and calls `called` with the time."""

    timeout = 20.0

    def __init__(self, channel: ChannelName, called: Callable[[float], None] | None = None) -> None:
        self.channel: ChannelName = channel
        self._called = called

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Take the message."""
        if self._called is not None:
            self._called(time.perf_counter())
        return Receipt(provider_id=str(outgoing.message_id))

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def instant_adapters(called: Callable[[float], None] | None = None) -> dict[str, Adapter]:
    """An instant adapter for each channel."""
    return {channel: InstantAdapter(channel, called) for channel in CHANNELS}

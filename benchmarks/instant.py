"""Providers that take everything at once, so that what is left is the engine."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels.adapter import Adapter, Outgoing, Receipt
from journeys.protocol.channels import ChannelName


class InstantAdapter:
    """Takes a message and tells `called` when."""

    timeout = 20.0

    def __init__(self, channel: ChannelName, called: Callable[[float], None] | None = None) -> None:
        self.channel: ChannelName = channel
        self._called = called

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Take it."""
        if self._called is not None:
            self._called(time.perf_counter())
        return Receipt(provider_id=str(outgoing.message_id))

    async def close(self) -> None:
        """Nothing to let go of."""


def instant_adapters(called: Callable[[float], None] | None = None) -> dict[str, Adapter]:
    """One for each channel."""
    return {
        "email": InstantAdapter("email", called),
        "sms": InstantAdapter("sms", called),
        "webhook": InstantAdapter("webhook", called),
    }

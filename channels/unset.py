"""The adapter of a channel that this installation has not set up."""

from __future__ import annotations

from channels.adapter import DEFAULT_TIMEOUT, Outgoing, Receipt
from channels.errors import Code, NotTaken
from journeys.protocol.channels import ChannelName


class UnsetAdapter:
    """Takes no message, and names the setting that is missing.

    Its sends are `NotTaken`, not `Refused`: they are tried again and succeed once the setting is
    made.
    """

    timeout = DEFAULT_TIMEOUT

    def __init__(self, channel: ChannelName, missing: str) -> None:
        self.channel: ChannelName = channel
        self._missing = missing

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`."""
        raise NotTaken(Code.ACCOUNT, self._missing)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

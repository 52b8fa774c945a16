"""Links of simulated messages: they look like real ones, are the same in every run, and lead
nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from journeys.links.message_urls import PATHS, MessageLinks, MessageUrls
from journeys.links.tokens import LinkKeys, LinkKind

_KEYS: Final = LinkKeys(["no link of a simulation is followed"])


@dataclass(frozen=True, slots=True)
class SimulatedUrls(MessageUrls):
    """The URLs of one message, without a signature: it would differ in each run."""

    def _url(self, kind: LinkKind) -> str:
        return f"{self.public_url}{PATHS[kind]}simulated"


@dataclass(frozen=True, slots=True)
class SimulatedLinks(MessageLinks):
    """What the URLs of simulated messages are made of. Nothing is tracked."""

    public_url: str = "https://parcours.example"
    keys: LinkKeys = _KEYS
    tracking: bool = False

    def of(self, message_id: UUID) -> MessageUrls:
        """The URLs of a message."""
        return SimulatedUrls(self.public_url, self.keys, message_id)

"""The context of activities: connections and settings, handed down by the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from activities.sending.attached_files import FileCache
from channels.adapter import Adapter
from journeys.links.message_urls import MessageLinks
from journeys.model.arms import Score
from journeys.protocol.channels import CHANNELS, ChannelName
from journeys.schedule.ceilings import DailyCeiling
from journeys.time.durations import Duration
from store.definitions.catalog import Catalog

ReturnKind = Literal["bounce", "reply", "unsubscribe"]

LATE_STARTS = timedelta(seconds=3)
"""How long a dispatcher may still start runs of the version that was active before."""


class ReturnAddresses(Protocol):
    """Addresses under a domain of ours, to which mail about a message comes."""

    def address(self, kind: ReturnKind, message_id: UUID) -> str:
        """The address of this kind for a message."""
        ...


@dataclass(frozen=True)
class Context:
    """Connections and settings of one worker process."""

    pool: AsyncConnectionPool[AsyncConnection[Any]]
    catalog: Catalog
    adapters: Mapping[str, Adapter]
    """By channel: the adapters of the providers that the settings choose."""
    adapters_by_provider: Mapping[str, Adapter] = field(default_factory=dict)
    """Those that documents may name. None: the adapter of a channel stands for every provider, as
    in simulations."""
    default_providers: Mapping[str, str] = field(default_factory=dict)
    """By channel: the name of the provider that the settings choose."""
    sender: str | None = None
    """The From of e-mails that name none."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """What `{{ secret.NAME }}` reads in webhooks."""
    passwords: Sequence[str] = ()
    """Further secrets that no stored text may hold: those by which providers are called."""
    speed: float = 1.0
    """Durations of waits and `up_to` are divided by it."""
    give_up: timedelta = timedelta(hours=24)
    """How long after its first attempt a send is tried again."""
    late_starts: timedelta = LATE_STARTS
    """For so long a move of runs looks for more of them."""
    nudge: Callable[[], None] = lambda: None
    """Wakes the dispatcher of this process after a step has recorded events."""
    keep: Mapping[str, Duration] = field(default_factory=dict)
    """How long data are kept, by kind; a kind that is not named is kept for good."""
    given_scores: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    """The scores of splits by step, if a simulation gives them."""
    large_messages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Messages whose rendering takes long: so many are rendered at a time, in threads."""
    nudge_due_times: Callable[[], None] = lambda: None
    """Wakes the due times of this process after a run has begun to listen for a condition."""
    return_addresses: ReturnAddresses | None = None
    """Where bounces and unsubscriptions by mail go; None without a domain for them."""
    files: FileCache | None = field(default_factory=FileCache)
    """The files of e-mails; None: they are left empty."""
    throttled: Callable[[ChannelName], None] = lambda _channel: None
    """Slows down a channel whose provider throttles."""
    provider_rates: Mapping[str, float] = field(default_factory=dict)
    """Calls per second of all workers together, by provider; one without a rate is not slowed."""
    ceilings: Mapping[ChannelName, DailyCeiling] = field(default_factory=dict)
    """The daily ceilings, by channel."""
    links: MessageLinks | None = None
    """What the URLs of messages are made of; None without a public URL."""

    def default_provider(self, channel: ChannelName) -> str:
        """The provider of a channel where no document names one."""
        return self.default_providers.get(channel) or CHANNELS[channel].providers[0]

    def adapter(self, channel: ChannelName, provider: str) -> Adapter | None:
        """The adapter of a provider; None if no worker of this installation serves the channel."""
        if not self.adapters_by_provider or provider == self.default_providers.get(channel):
            return self.adapters.get(channel)
        return self.adapters_by_provider.get(provider) or self.adapters.get(channel)

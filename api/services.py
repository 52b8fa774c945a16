"""The connections and limits that handlers use, made once by the application."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from api.console.built_files import BuiltFiles
from api.console.sign_in_limit import SignInLimit
from api.console.trial_player import TrialPlayer
from api.contacts.counted_consents import CountedConsents
from api.definitions.checker import DocumentChecker
from api.definitions.use_index import UseIndex
from api.http.keys import KeyRing
from api.notifier import Notifier
from api.operations.attention_counts import AttentionCounts
from api.operations.log_hub import LogHub
from api.public.form_robots import FormRates
from api.public.hits import HitRecorder
from api.public.visits import Visits
from api.reports.figure_hub import FigureHub
from api.tracking.address_budgets import AddressBudgets
from api.tracking.key_budgets import KeyBudgets
from channels.email.remote_files import RemoteFiles
from channels.sns_signature import SnsVerifier
from inbound.intake import Intake
from journeys.links.message_urls import MessageLinks
from store.definitions.catalog import Catalog
from store.events.combined_tracks import CombinedTracks

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class Inbox(Protocol):
    """The messages that the sinks of the development stack received."""

    def read(self, to: str | None = None) -> list[dict[str, Any]]:
        """The messages to one recipient, or to all if `to` is None, oldest first."""

    def remove(self, addresses: Collection[str]) -> int:
        """Remove the messages to these addresses; how many there were."""


@dataclass(frozen=True, slots=True)
class Services:
    """Connections and limits of one API process."""

    pool: Pool
    tracks: CombinedTracks
    """Records simple tracking calls, on connections that keep the plan of the statement."""
    temporal: Client
    """Connects at its first call, so that other routes work while Temporal cannot be reached."""
    catalog: Catalog
    keys: KeyRing
    key_budgets: KeyBudgets
    address_budgets: AddressBudgets
    notifier: Notifier
    checker: DocumentChecker
    describer: DocumentChecker
    """Describes documents while they are written, in a process of its own: no long check of a
    document that is saved stands before it."""
    contact_events_per_minute: int
    speed: float
    """The number by which durations of waits are divided, the same as in workers."""
    remote_files: RemoteFiles
    """Fetches attachments at URLs."""
    providers: frozenset[str]
    """The providers whose settings are made."""
    keep: Mapping[str, str]
    """How long data are kept, by kind, as durations."""
    replies: frozenset[str]
    """The channels on which replies come in."""
    sns: SnsVerifier
    intake: Intake
    inbox: Inbox | None
    """None outside of the development stack."""
    links: MessageLinks | None
    """What the URLs of messages are made of; None without a public URL."""
    approval_above: int | None
    """Repairs of more runs need the approval of another key; None: none does."""
    import_limit: int
    """The most bytes of a file that is imported."""
    temporal_ui: str | None
    """Where operators reach Temporal's UI."""
    hits: HitRecorder | None
    """Keeps requests for links, images and pages of messages; None without a public URL."""
    form_rates: FormRates
    """Forms that were posted in this minute."""
    visits: Visits | None
    """Lets our own sites know by which message a reader came; None if there are none."""
    timezone: ZoneInfo
    """The zone in which the days of figures begin."""
    console_key: str | None
    """The key by which the console signs in by itself: of the development stack alone."""
    log: LogHub
    """Reads the log for all streams."""
    figures: FigureHub
    """Reads the figures of journeys for all streams."""
    player: TrialPlayer = field(default_factory=TrialPlayer)
    """Plays journeys on a simulated clock."""
    consents: CountedConsents = field(default_factory=CountedConsents)
    uses: UseIndex = field(default_factory=UseIndex)
    """What uses what among documents."""
    console_files: BuiltFiles = field(default_factory=BuiltFiles)
    sign_ins: SignInLimit = field(default_factory=SignInLimit)
    attention: AttentionCounts = field(default_factory=AttentionCounts)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


UsedServices = Annotated[Services, Depends(_services)]

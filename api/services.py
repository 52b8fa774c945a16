"""What handlers work with, made once by the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from api.http.keys import KeyRing
from api.notifier import Notifier
from store.definitions.catalog import Catalog

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class Inbox(Protocol):
    """What the development stack's sinks took."""

    def read(self, to: str | None = None) -> list[dict[str, Any]]:
        """Records, oldest first, of one recipient or of all."""


@dataclass(frozen=True, slots=True)
class Services:
    """Connections and limits of one API process."""

    pool: Pool
    temporal: Client
    """Connected at its first call, so that everything else goes on while Temporal is away."""
    catalog: Catalog
    keys: KeyRing
    notifier: Notifier
    contact_events_per_minute: int
    speed: float
    """Durations of waits are divided by it, as workers do."""
    inbox: Inbox | None
    """Only under the development stack."""


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


UsedServices = Annotated[Services, Depends(_services)]

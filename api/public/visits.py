"""Visits: the token that a redirect adds for our own sites."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from api.public.request_facts import RequestFacts
from journeys.links.networks import Networks
from journeys.links.signs import signs_of
from journeys.links.targets import add_parameters
from journeys.links.tokens import LinkKeys
from journeys.links.visits import PARAMETER, Sites


@dataclass(frozen=True, slots=True)
class Visits:
    """Lets our own sites know by which message a reader came."""

    keys: LinkKeys
    sites: Sites
    scanners: Networks

    def location(self, request: Request, message_id: UUID, location: str) -> str:
        """Where a reader is sent: with a token if that is a site of ours.

        A machine gets none: scanners of mail run the scripts of pages.
        """
        if not self.sites.has(location):
            return location
        facts = RequestFacts.of(request)
        if signs_of(
            "click",
            method=facts.method,
            agent=facts.agent,
            prefetched=facts.prefetched,
            address=facts.address,
            scanners=self.scanners,
        ):
            return location
        token = self.keys.visit(message_id, datetime.now(UTC))
        return add_parameters(location, f"{PARAMETER}={token}")

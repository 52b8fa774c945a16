"""An AWS by moto, with what moto lacks of SES: the account, DKIM and event destinations.

These are answered in the shapes that AWS documents for its API (version 2); all else is passed on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.integration.channels.http_server import Exchange, running_http

TOKENS: Final = ["aaa", "bbb", "ccc"]
"""The tokens of Easy DKIM of every domain."""
_DROPPED: Final = ("host", "content-length", "connection", "expect")


def _account() -> dict[str, Any]:
    return {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": True,
        "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 1.0},
        "SendingEnabled": True,
    }


def _identity() -> dict[str, Any]:
    return {
        "IdentityType": "DOMAIN",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": True,
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "SUCCESS",
            "Tokens": TOKENS,
            "SigningAttributesOrigin": "AWS_SES",
        },
    }


@dataclass
class SesAccount:
    """SES as it stands: healthy, in production, with no domain and no events until they are made.

    `changes` are the calls that AWS would take and moto does not know, with their bodies.
    """

    url: str = ""
    account: dict[str, Any] = field(default_factory=_account)
    identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    destinations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    changes: list[tuple[str, Any]] = field(default_factory=list)

    def add_domain(self, domain: str) -> dict[str, Any]:
        """Verify a domain; its identity, which a test may change."""
        self.identities[domain] = _identity()
        return self.identities[domain]

    def publish(self, name: str, types: list[str], topic: str) -> dict[str, Any]:
        """Add an event destination to a configuration set; it may be changed."""
        made = {
            "Name": "events",
            "Enabled": True,
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": topic},
        }
        self.destinations.setdefault(name, []).append(made)
        return made

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any] | None:
        """The answer to what moto does not know; None for everything else."""
        parts = path.partition("?")[0].removeprefix("/v2/email/").split("/")
        match method, parts:
            case "GET", ["account"]:
                return self.account
            case "GET", ["identities", domain] if domain in self.identities:
                return self.identities[domain]
            case "POST", ["identities"]:
                identity = self.add_domain(json.loads(body)["EmailIdentity"])
                return {name: identity[name] for name in ("IdentityType", "DkimAttributes")}
            case "GET", ["configuration-sets", name, "event-destinations"]:
                return {"EventDestinations": self.destinations.get(name, [])}
            case "POST", ["configuration-sets", name, "event-destinations"]:
                made = json.loads(body)
                self.destinations.setdefault(name, []).append(
                    {"Name": made["EventDestinationName"], **made["EventDestination"]}
                )
                return {}
            case (("PUT" | "POST"), ["account", what]):
                self.changes.append((what, json.loads(body)))
                return {}
            case "PUT", ["identities", _, what]:
                self.changes.append((what, json.loads(body)))
                return {}
            case _:
                return None


@asynccontextmanager
async def running_amazon(moto_endpoint: str) -> AsyncIterator[SesAccount]:
    """The account and its AWS, until the context ends."""
    ses = SesAccount()

    async def aws(exchange: Exchange) -> None:
        request = exchange.request
        own = None
        if request.target.startswith("/v2/email/"):
            own = ses.answer(request.method, request.target, request.body)
        headers = {name: text for name, text in request.headers.items() if name not in _DROPPED}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            passed = await client.request(
                request.method,
                moto_endpoint + request.target,
                headers=headers,
                content=request.body,
            )
        # moto takes mail of the domains that it knows.
        if own is not None:
            await exchange.answer(200, json.dumps(own).encode(), Content_Type="application/json")
            return
        kind = passed.headers.get("content-type", "text/xml")
        await exchange.answer(passed.status_code, passed.content, Content_Type=kind)

    async with running_http() as server:
        server.behaviour = aws
        ses.url = server.url
        yield ses

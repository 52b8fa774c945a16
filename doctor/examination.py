"""The whole examination: every check that the settings call for, none of which changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from channels.email.mime import parse_mailbox
from doctor.findings import Finding, fail, ok, warn
from doctor.names import (
    Lookup,
    NamesAway,
    dkim_selector_finding,
    dmarc_finding,
    mx_finding,
    spf_finding,
)
from doctor.providers import Amazon, smtp_finding
from doctor.servers import database_findings, local_findings, public_findings, temporal_finding
from infra.settings import Settings


async def examine(
    settings: Settings, lookup: Lookup, *, dkim_selector: str | None = None
) -> list[Finding]:
    """Every finding, in the order in which one sets things up."""
    groups = await asyncio.gather(
        database_findings(settings),
        _alone(temporal_finding(settings)),
        _mail(settings, lookup, dkim_selector),
        public_findings(settings),
    )
    return [
        ok("settings", "can be read"),
        *(finding for group in groups for finding in group),
        *local_findings(settings),
    ]


async def _alone(finding: Awaitable[Finding]) -> list[Finding]:
    return [await finding]


async def _mail(settings: Settings, lookup: Lookup, selector: str | None) -> list[Finding]:
    providers = settings.providers_set_up
    found: list[Finding] = []
    amazon = Amazon(settings)
    if "smtp" in providers and settings.dev_inbox is None:
        found.append(await smtp_finding(settings))
    domain, sender = _sender(settings)
    found.append(sender)
    if domain is not None:
        try:
            found += await _names(settings, amazon, domain, lookup, selector)
        except NamesAway as error:
            found.append(fail("DNS", f"no answer: {error}. Name a resolver with --resolver"))
    if settings.takes_notifications or settings.email == "ses":
        found += await amazon.notification_findings()
    return found


async def _names(
    settings: Settings, amazon: Amazon, domain: str, lookup: Lookup, selector: str | None
) -> list[Finding]:
    ses = settings.email == "ses"
    found: list[Finding] = []
    if ses:
        found += await amazon.ses_findings(domain, lookup)
    else:
        found.append(await dkim_selector_finding(lookup, domain, selector))
    found.append(await spf_finding(lookup, domain, ses=ses))
    found.append(await dmarc_finding(lookup, domain))
    if settings.inbound_domain is not None and settings.inbound_maildir is None:
        found.append(await mx_finding(lookup, settings.inbound_domain))
    return found


def _sender(settings: Settings) -> tuple[str | None, Finding]:
    if settings.from_address is None:
        words = "PARCOURS_FROM is not set: mails need a `from` in documents, and names go unchecked"
        return None, warn("sender", words)
    try:
        domain = parse_mailbox(settings.from_address).address.rpartition("@")[2]
    except ValueError as error:
        return None, fail("sender", f"PARCOURS_FROM: {error}")
    return domain, ok("sender", f"mail comes from {settings.from_address}")

"""Records of domains: SPF, DKIM and DMARC of the sender, and the MX record of our own addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver

from doctor.findings import Finding, fail, ok, warn

Lookup = Callable[[str, str], Awaitable[list[str]]]
"""The values of a name's records of a type; none if there are none. Raises `NamesAway`."""

_TIMEOUT: Final = 5.0


class NamesAway(Exception):
    """The resolver gave no answer."""


def lookup_by(resolver: str | None) -> Lookup:
    """Look up by a resolver, `address` or `address:port`, or by those of this machine."""
    if resolver is None:
        asking = dns.asyncresolver.Resolver()
    else:
        asking = dns.asyncresolver.Resolver(configure=False)
        host, _, port = resolver.rpartition(":") if "." in resolver else (resolver, "", "")
        asking.nameservers = [host or resolver]
        asking.port = int(port) if host else 53
    asking.lifetime = _TIMEOUT

    async def lookup(name: str, kind: str) -> list[str]:
        try:
            answer = await asking.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NamesAway(str(error)) from None
        if kind == "TXT":
            return [b"".join(record.strings).decode(errors="replace") for record in answer]
        return [record.to_text().rstrip(".") for record in answer]

    return lookup


async def spf_finding(lookup: Lookup, domain: str, *, ses: bool) -> Finding:
    """Whether one SPF record names who may send for the domain."""
    records = [text for text in await lookup(domain, "TXT") if text.lower().startswith("v=spf1")]
    include = "include:amazonses.com" if ses else "your mail server"
    if not records:
        return fail("SPF", f"{domain} has no SPF record: add TXT `v=spf1 {include} ~all`")
    if len(records) > 1:
        return fail("SPF", f"{domain} has {len(records)} SPF records, and counts as none: keep one")
    [record] = records
    if record.rstrip().endswith("+all"):
        return fail("SPF", f"{domain} lets everybody send (`+all`): end the record with `~all`")
    if ses and "include:amazonses.com" not in record:
        return warn(
            "SPF",
            f"the SPF record of {domain} does not name SES. That is right with a custom MAIL FROM"
            " domain; otherwise add `include:amazonses.com`",
        )
    return ok("SPF", f"{domain}: {record}")


async def dmarc_finding(lookup: Lookup, domain: str) -> Finding:
    """Whether the domain, or one above it, says what to do with mail that is not its own."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        records = [
            text
            for text in await lookup(f"_dmarc.{name}", "TXT")
            if text.lower().replace(" ", "").startswith("v=dmarc1")
        ]
        if len(records) > 1:
            return fail("DMARC", f"_dmarc.{name} has {len(records)} records: keep one")
        if records:
            tags = dict(_tags(records[0]))
            if tags.get("p") not in ("none", "quarantine", "reject"):
                return fail("DMARC", f"_dmarc.{name} has no policy: write `v=DMARC1; p=none; …`")
            if tags["p"] == "none":
                return warn(
                    "DMARC",
                    f"_dmarc.{name} says p=none: good to begin with; read its reports, then"
                    " raise it to `p=quarantine`",
                )
            return ok("DMARC", f"_dmarc.{name}: {records[0]}")
    return fail(
        "DMARC",
        f"{domain} has no DMARC record, and Gmail, Yahoo and Outlook want one: add TXT"
        f" _dmarc.{domain} `v=DMARC1; p=none; rua=mailto:dmarc@{domain}`",
    )


async def dkim_selector_finding(lookup: Lookup, domain: str, selector: str | None) -> Finding:
    """Whether the key of a selector is published."""
    if selector is None:
        return warn(
            "DKIM", "your mail server signs, under a selector: name it with --dkim-selector"
        )
    name = f"{selector}._domainkey.{domain}"
    for record in await lookup(name, "TXT"):
        if dict(_tags(record)).get("p"):
            return ok("DKIM", f"{name} has a key")
    return fail("DKIM", f"{name} has no key: publish that of your mail server there")


async def ses_dkim_finding(lookup: Lookup, domain: str, tokens: Sequence[str]) -> Finding:
    """Whether the names of Easy DKIM lead to SES."""
    lacking = [
        token
        for token in tokens
        if not any(
            value.lower().startswith(f"{token.lower()}.dkim.")
            for value in await lookup(f"{token}._domainkey.{domain}", "CNAME")
        )
    ]
    if lacking:
        token = lacking[0]
        return fail(
            "DKIM",
            f"{len(lacking)} of {len(tokens)} DKIM records are not there: add CNAME"
            f" {token}._domainkey.{domain} → {token}.dkim.amazonses.com, and so on",
        )
    return ok("DKIM", f"all {len(tokens)} records of {domain} lead to SES")


async def mx_finding(lookup: Lookup, domain: str) -> Finding:
    """Whether mail to our own addresses arrives anywhere."""
    found = await lookup(domain, "MX")
    if not found:
        return fail("return address", f"{domain} has no MX record: point it at what takes its mail")
    return ok("return address", f"mail to {domain} goes to {found[0].split()[-1]}")


def _tags(record: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in record.split(";")]
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs if name.strip()]

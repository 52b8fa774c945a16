"""Checks of the address of webhooks: what no call could ever reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from journeys.model.document_parts import Part
from journeys.model.problems import Problem
from journeys.model.sends import Webhook

_HOST = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


def address_problems(part: Part) -> Iterator[Problem]:
    """An address with which every call would fail.

    A template is checked as far as it is written out: `https://{{ contact.host }}/x` may be right.
    """
    assert isinstance(part.model, Webhook)
    url = part.model.url
    if not re.match(r"https?://|\{\{", url, re.IGNORECASE):
        message = f"`{url}` is no address to call"
        yield part.problem("url", message, "begin with https:// or http://", "url")
        return
    written = _HOST.match(url)
    if written is None or "{{" in written[1] or "{%" in written[1]:
        return
    _, at, host = written[1].rpartition("@")
    if at:
        message = "a webhook's address holds no user and password"
        yield part.problem("url", message, "send a header Authorization instead", "url")
    try:
        parts = urlsplit(f"https://{host}")
        labels = (parts.hostname or "").removesuffix(".").split(".")
        possible = all(0 < len(label) < 64 for label in labels) and parts.port != 0
    except ValueError:
        possible = False
    if not possible or re.search(r"\s", host):
        yield part.problem(
            "url",
            f"`{host}` is no host to call" if host else "the address has no host",
            "write for example https://api.example.com/orders",
            "url",
        )

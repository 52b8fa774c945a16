"""Signs of a single request for a link: what its method, headers and address say of its client."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from crawleruseragents import is_crawler

from journeys.links.networks import Networks
from journeys.links.tokens import LinkKind

Sign = Literal["head", "prefetch", "proxy", "apple", "robot", "agent", "scanner"]
"""`head`: the method HEAD. `prefetch`: a browser fetched it ahead. `proxy`: the image proxy of a
mailbox provider. `apple`: the mail program of Apple, which fetches images ahead. `robot`: a known
robot. `agent`: no browser names itself so. `scanner`: an address of a scanner of mail."""

LONGEST_AGENT: Final = 512

_PROXIES: Final = ("googleimageproxy", "yahoomailproxy")
_APPLE: Final = "Mozilla/5.0"
"""The whole of the agent that Apple's proxies send."""


def signs_of(
    kind: LinkKind,
    *,
    method: str,
    agent: str,
    prefetched: bool,
    address: str,
    scanners: Networks,
) -> list[Sign]:
    """The signs of a request, in the order of Sign.

    Image proxies come first: lists of robots name them, although a person may be reading.
    """
    found: list[Sign] = []
    if method == "HEAD":
        found.append("head")
    if prefetched:
        found.append("prefetch")
    found += _agent_signs(kind == "open", agent[:LONGEST_AGENT].strip())
    if address in scanners:
        found.append("scanner")
    return found


@lru_cache(4096)
def _agent_signs(image: bool, agent: str) -> tuple[Sign, ...]:
    if image and any(proxy in agent.lower() for proxy in _PROXIES):
        return ("proxy",)
    if image and agent == _APPLE:
        return ("apple",)
    if is_crawler(agent):
        return ("robot",)
    if not agent or agent == _APPLE:
        return ("agent",)
    return ()

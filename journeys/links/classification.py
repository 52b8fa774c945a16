"""Who made the requests for a message's links: a person, a machine, or it cannot be known.

It is a function of all requests for one message; their order does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from journeys.links.signs import Sign
from journeys.links.tokens import LinkKind

Actor = Literal["human", "machine", "unknown"]
Reason = Literal[
    "head",
    "prefetch",
    "robot",
    "agent",
    "scanner",
    "hidden_link",
    "too_soon",
    "several_links",
    "same_client",
    "image_proxy",
    "apple",
]
"""Why a hit is not held to be a person's, besides the signs of its request:

`hidden_link`: it is the link that no reader sees. `too_soon`: it came sooner than a reader could.
`several_links`: different links were followed at once. `same_client`: its client did so, or is
known to be a robot. `image_proxy`, `apple`: the image is fetched for a person, read or not.
"""

READER: Final = timedelta(seconds=2)
"""The least time from the sending of a message until a person can have followed a link."""
AT_ONCE: Final = ((2, timedelta(seconds=1)), (3, timedelta(seconds=3)))
"""So many different links within such a time are followed by a machine."""
TOGETHER: Final = timedelta(minutes=1)
"""Within this time, a client that followed several links at once stays a machine."""
AGAIN: Final = timedelta(seconds=5)
"""A hit of the same client on the same link within this time is the same click again."""

_MACHINE_SIGNS: Final[tuple[Literal["head", "prefetch", "robot", "agent", "scanner"], ...]] = (
    "head",
    "prefetch",
    "robot",
    "agent",
    "scanner",
)
_PROXY_SIGNS: Final[dict[Sign, Reason]] = {"proxy": "image_proxy", "apple": "apple"}
_LASTING: Final[frozenset[Reason]] = frozenset({"head", "robot", "scanner", "hidden_link"})
"""Reasons by which all hits of a client on the message are a machine's. A browser that fetches
ahead is no such reason, since its reader may follow the link later."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a link, an image or a page of a message."""

    id: UUID
    kind: LinkKind
    url: str | None
    """The author's URL of a click."""
    at: datetime
    client: str
    """A pseudonym of address and agent."""
    signs: frozenset[Sign] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who made a hit, and why it is held to be so; a person's has no reasons."""

    by: Actor
    reasons: tuple[Reason, ...] = ()
    again: bool = False
    """It repeats another hit: the same client, link and verdict within a few seconds."""


def classify(hits: Iterable[Hit], begun_at: datetime, sent_at: datetime) -> dict[UUID, Verdict]:
    """The verdict on each hit of one message.

    Its sending began at `begun_at` and was over at `sent_at`. Hits from before are of an earlier
    attempt.
    """
    ordered = sorted(hits, key=lambda hit: (hit.at, hit.id))
    # A reader loads the images at once; and what a known robot follows says nothing of others.
    at_once = _followed_at_once(
        [hit for hit in ordered if hit.kind != "open" and hit.signs.isdisjoint(_MACHINE_SIGNS)]
    )
    own = {hit.id: _own_reasons(hit, begun_at, sent_at, at_once) for hit in ordered}
    lasting: set[str] = set()
    several: defaultdict[str, list[datetime]] = defaultdict(list)
    for hit in ordered:
        if not _LASTING.isdisjoint(own[hit.id]):
            lasting.add(hit.client)
        if hit.id in at_once:
            several[hit.client].append(hit.at)
    verdicts: dict[UUID, Verdict] = {}
    last: dict[tuple[object, ...], datetime] = {}
    for hit in ordered:
        reasons = own[hit.id]
        if not reasons and (
            hit.client in lasting
            or any(abs(hit.at - other) <= TOGETHER for other in several[hit.client])
        ):
            reasons = ("same_client",)
        by = _actor(hit, reasons)
        key = hit.kind, hit.url, hit.client, by
        before = last.get(key)
        again = before is not None and hit.at - before <= AGAIN
        last[key] = hit.at
        verdicts[hit.id] = Verdict(by, reasons, again)
    return verdicts


def _own_reasons(
    hit: Hit, begun_at: datetime, sent_at: datetime, at_once: set[UUID]
) -> tuple[Reason, ...]:
    proxied = tuple(reason for sign, reason in _PROXY_SIGNS.items() if sign in hit.signs)
    if proxied and "head" not in hit.signs:
        return proxied
    reasons: list[Reason] = [sign for sign in _MACHINE_SIGNS if sign in hit.signs]
    if hit.kind == "hidden":
        reasons.append("hidden_link")
    if begun_at <= hit.at < sent_at + READER:
        reasons.append("too_soon")
    if hit.id in at_once:
        reasons.append("several_links")
    return tuple(reasons)


def _actor(hit: Hit, reasons: tuple[Reason, ...]) -> Actor:
    if not reasons:
        return "human"
    if hit.kind == "open" and set(reasons) <= set(_PROXY_SIGNS.values()):
        return "unknown"
    return "machine"


def _followed_at_once(ordered: Sequence[Hit]) -> set[UUID]:
    """The hits that lie together with hits on other links, closer than a reader follows them."""
    found: set[UUID] = set()
    for count, within in AT_ONCE:
        start = 0
        links: defaultdict[tuple[LinkKind, str | None], int] = defaultdict(int)
        marked = 0
        for end, hit in enumerate(ordered):
            links[(hit.kind, hit.url)] += 1
            while hit.at - ordered[start].at > within:
                first = ordered[start].kind, ordered[start].url
                links[first] -= 1
                if not links[first]:
                    del links[first]
                start += 1
            if len(links) >= count:
                # Each is marked once for each count, so a flood of hits takes linear time.
                for place in range(max(start, marked), end + 1):
                    found.add(ordered[place].id)
                marked = end + 1
    return found

"""Hits: what a request for a link says, appended to the spool before it is answered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from starlette.requests import Request

from api.public.request_facts import RequestFacts
from api.public.spool import DROPPED, Spool
from journeys.links.networks import Networks
from journeys.links.signs import signs_of
from journeys.links.tokens import LinkKeys, LinkKind
from store.events.link_hits import NewHit
from store.metrics import counter

HITS = counter("parcours_hits")

MINUTE_LIMIT: Final = 300
"""The most hits of one message in a minute. A reader makes a few, a scanner one for each link."""
_MESSAGES: Final = 50_000


class MinuteLimit:
    """A limit on the hits of each message in a minute, in a bounded memory."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[UUID, int] = {}

    def allows(self, message_id: UUID) -> bool:
        """Whether one more hit is taken."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._counts) >= _MESSAGES:
            self._minute = minute
            self._counts.clear()
        count = self._counts[message_id] = self._counts.get(message_id, 0) + 1
        return count <= MINUTE_LIMIT


@dataclass(frozen=True, slots=True)
class HitRecorder:
    """Appends hits to a spool. It is asked by every public route, and changes nothing else."""

    spool: Spool
    limit: MinuteLimit

    def record(
        self, request: Request, kind: LinkKind, message_id: UUID, url: str | None = None
    ) -> None:
        """Append a hit; where that cannot be done it is counted, and the request goes on."""
        HITS.labels(kind).inc()
        if not self.limit.allows(message_id):
            DROPPED.labels("too_many").inc()
            return
        spooled = {
            "id": uuid4(),
            "message": message_id,
            "kind": kind,
            "url": url,
            "at": datetime.now(UTC),
            **RequestFacts.of(request)._asdict(),
        }
        self.spool.append(orjson.dumps(spooled, option=orjson.OPT_APPEND_NEWLINE))


def hit_of(line: bytes, keys: LinkKeys, scanners: Networks) -> NewHit:
    """The hit of a line of the spool. Raises ValueError if the line is not whole."""
    try:
        spooled: Mapping[str, Any] = orjson.loads(line)
        return NewHit(
            id=UUID(spooled["id"]),
            message_id=UUID(spooled["message"]),
            kind=spooled["kind"],
            url=spooled["url"],
            client=keys.pseudonym(f"{spooled['address']}\n{spooled['agent']}"),
            signs=signs_of(
                spooled["kind"],
                method=spooled["method"],
                agent=spooled["agent"],
                prefetched=spooled["prefetched"],
                address=spooled["address"],
                scanners=scanners,
            ),
            happened_at=datetime.fromisoformat(spooled["at"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a hit: {type(error).__name__}") from None

"""Followers of the log: server-sent events as a client reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class SentEvent:
    """A server-sent event; without `data` only its id counts."""

    id: str | None
    event: str
    data: Any


async def sent_events(
    client: httpx.AsyncClient, *, after: str | None = None, **query: Any
) -> AsyncGenerator[SentEvent, None]:
    """The events of the log's stream, from those after an id on."""
    headers = {} if after is None else {"Last-Event-ID": after}
    async with client.stream("GET", "/v1/log/stream", headers=headers, params=query) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        id_, event, data = None, "message", ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                id_ = value
            elif name == "event":
                event = value
            elif name == "data":
                data += value
            elif not line and (id_ or data):
                yield SentEvent(id_, event, json.loads(data) if data else None)
                id_, event, data = None, "message", ""


@dataclass
class Follower:
    """A client that goes on from the last id that it has seen."""

    seen: list[dict[str, Any]]
    last: str | None = None

    async def read(self, client: httpx.AsyncClient, most: int, **query: Any) -> None:
        """Read up to `most` items, then cut the connection; or until the server ends it."""
        async with aclosing(sent_events(client, after=self.last, **query)) as events:
            async for each in events:
                if each.event == "end":
                    return
                self.last = each.id or self.last
                if each.data is not None:
                    self.seen.append(each.data)
                    most -= 1
                if most <= 0:
                    return

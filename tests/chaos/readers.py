"""The readers of the first mail: a provider reports each as delivered, and half of them click."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.records import Records
from tests.chaos.shop import PATIENCE, RETRY_EVERY, Shop
from tests.support.conditions import eventually

LATER = timedelta(seconds=12)
"""How long a mail is there before its link is followed. A record is tried for eight seconds while
the database is away, and a click before it would be a machine's."""
CHROME = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36"}
_CLICK = re.compile(r'href="([^"]+/l/[^"]+)"[^>]*>Look at it')


@dataclass
class Readers:
    """What was reported and clicked, and had its answer, by message."""

    shop: Shop
    records: Records
    http: httpx.AsyncClient
    delivered: set[UUID] = field(default_factory=set)
    clicks: Counter[UUID] = field(default_factory=Counter)
    """How often a link was asked for; at least once it led on."""
    wrong: list[str] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: set[UUID] = field(default_factory=set)

    async def read(self) -> None:
        """Read each mail that comes, until all are read after `stopping`."""
        async with asyncio.TaskGroup() as deeds:

            async def look() -> bool:
                stopping = self.stopping.is_set()
                for mail in self.records.inbox():
                    if str(mail.get("subject")).startswith("Order "):
                        message = UUID(mail["headers"]["X-Parcours-Message"])
                        if message not in self._seen:
                            self._seen.add(message)
                            deeds.create_task(self._report(message, mail))
                            if message.int % 2:
                                deeds.create_task(self._click(message, mail))
                return stopping

            await eventually(look, 4 * PATIENCE, every=0.25, what="every mail read")

    async def _report(self, message: UUID, mail: Mapping[str, Any]) -> None:
        customer = str(mail["to"]).partition("@")[0]
        await self.shop.notify("Message Delivered", str(message), customer)
        self.delivered.add(message)

    async def _click(self, message: UUID, mail: Mapping[str, Any]) -> None:
        [link] = _CLICK.findall(str(mail["html"]))
        at = datetime.fromisoformat(str(mail["received_at"])) + LATER
        await eventually(lambda: datetime.now(UTC) >= at, 60, what="time to read")

        async def followed() -> httpx.Response | None:
            self.clicks[message] += 1
            try:
                answer = await self.http.get(unescape(link))
            except httpx.TransportError:
                return None
            return answer

        answer = await eventually(followed, PATIENCE, every=RETRY_EVERY, what="where a link leads")
        assert answer is not None
        order = str(mail["subject"]).removeprefix("Order ")
        if answer.headers.get("location") != f"https://shop.example/orders/{order}":
            self.wrong.append(f"{message}: {answer.status_code} {answer.headers}")

    async def noticed(self) -> None:
        """Return once every request for a link was judged, and every report is on record."""

        async def look() -> bool:
            stood = await self.records.reactions()
            return {message for message, (_, clicks) in stood.items() if clicks} == set(
                self.clicks
            ) and {message for message, (at, _) in stood.items() if at} >= self.delivered

        await eventually(look, 90, every=0.5, what="every click and delivery on record")


async def wrong_reactions(readers: Readers) -> list[str]:
    """Each report and each click is on record, once, in the messages and in the figures."""
    wrong = list(readers.wrong)
    stood = await readers.records.reactions()
    for message, (delivered, clicks) in stood.items():
        if delivered != (message in readers.delivered):
            wrong.append(f"{message}: delivered {delivered}")
        # A request that was made again later is another click of a person.
        if not min(1, readers.clicks[message]) <= clicks <= readers.clicks[message]:
            wrong.append(f"{message}: {clicks} clicks of {readers.clicks[message]} requests")
    clicked = (await readers.shop.figures())["confirm"]["clicked"]
    if clicked != len(readers.clicks):
        wrong.append(f"{clicked} clicked instead of {len(readers.clicks)}")
    return wrong


@asynccontextmanager
async def open_mailboxes(shop: Shop, records: Records) -> AsyncIterator[Readers]:
    """The readers, with a browser of theirs."""
    async with httpx.AsyncClient(headers=CHROME, timeout=15, trust_env=False) as http:
        yield Readers(shop, records, http)

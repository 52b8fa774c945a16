"""Readers of mails: they follow links, and their mail servers report that mails arrived."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID

import httpx

from tests.chaos.orders import shop_page
from tests.chaos.shop import moment
from tests.support.conditions import eventually
from tests.support.returned_mail import DSN, ORIGINAL

DOMAIN = "bounces.example.com"
"""Of the address to which mail servers report."""

_LOOK_EVERY = 0.5
_PATIENCE = 180.0
_LINK = re.compile(r"https?://[^\s()]+/l/[^\s()]+")
_SUBJECT = re.compile(r"Order (\S+)")
_DATE = re.compile(r"(?m)^Date: .*$")

Inbox = Callable[[], Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event about a message that a reader or a mail server has caused."""

    message: UUID
    name: str
    url: str | None


@dataclass
class Readers:
    """Half of the readers of confirmations follow their link; servers of the others report."""

    inbox: Inbox
    maildir: Path
    requests: dict[UUID, int] = field(default_factory=dict)
    """How often the link in a message was asked for, until one request was answered."""
    reported: set[UUID] = field(default_factory=set)
    orders: dict[UUID, str] = field(default_factory=dict)
    _over: bool = False

    async def read(self) -> None:
        """Read each mail when it comes, until `finish`; then what is left."""
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(timeout=15) as http:
            while True:
                last, began = self._over, loop.time()
                async with asyncio.TaskGroup() as readings:
                    for mail in self.inbox():
                        self._begin(mail, http, readings)
                if last:
                    return
                await moment(began + _LOOK_EVERY)

    def finish(self) -> None:
        """No mail comes any more."""
        self._over = True

    def environment(self) -> Mapping[str, str]:
        """The settings of a stack by which reports come in."""
        return {
            "PARCOURS_INBOUND_DOMAIN": DOMAIN,
            "PARCOURS_INBOUND_MAILDIR": str(self.maildir),
        }

    def _begin(
        self, mail: Mapping[str, object], http: httpx.AsyncClient, readings: asyncio.TaskGroup
    ) -> None:
        order = _SUBJECT.fullmatch(str(mail["subject"]))
        if mail["channel"] != "email" or order is None:
            return
        headers = mail["headers"]
        assert isinstance(headers, dict)
        message = UUID(str(headers["X-Parcours-Message"]))
        if message in self.orders:
            return
        self.orders[message] = order[1]
        if message.int % 2:
            self.requests[message] = 0
            found = _LINK.search(str(mail["text"]))
            assert found is not None, mail["text"]
            readings.create_task(self._follow(message, found[0], http))
        else:
            self.reported.add(message)
            self._report(message)

    async def _follow(self, message: UUID, link: str, http: httpx.AsyncClient) -> None:
        """Follow a link, as often as it takes to be answered."""

        async def look() -> httpx.Response | None:
            self.requests[message] += 1
            try:
                answer = await http.get(link, headers={"User-Agent": f"Reader {message}"})
            except httpx.TransportError:
                return None
            return None if answer.status_code in (429, 503) else answer

        answer = await eventually(look, _PATIENCE, every=_LOOK_EVERY, what=f"an answer to {link}")
        assert answer is not None
        assert answer.status_code == httpx.codes.FOUND, answer.text
        assert answer.headers["Location"] == shop_page(self.orders[message])

    def _report(self, message: UUID) -> None:
        """Report twice that a mail arrived, as servers do whose first report was not taken."""
        report = DSN.format(
            to=f"bounce@{DOMAIN}",
            action="delivered",
            status="2.0.0",
            returned="message/rfc822",
            inner=ORIGINAL.format(message=message),
        )
        report = _DATE.sub(f"Date: {format_datetime(datetime.now(UTC))}", report, count=1)
        for number in (1, 2):
            written = self.maildir / "tmp" / f"{message}.{number}"
            written.write_text(report)
            written.rename(self.maildir / "new" / written.name)


def wrong_reactions(readers: Readers, reactions: Sequence[Reaction]) -> Iterator[str]:
    """What readers and servers did took effect, and once; nothing else did."""
    clicks = Counter(each.message for each in reactions if each.name == "Message Clicked")
    arrivals = Counter(each.message for each in reactions if each.name == "Message Delivered")
    for message, requests in readers.requests.items():
        # A request that was not answered may have been taken before, and is a click of its own.
        if not 1 <= clicks[message] <= requests:
            yield f"{message} was clicked {clicks[message]} times by {requests} requests"
    for message in readers.reported:
        if arrivals[message] != 1:
            yield f"{message} arrived {arrivals[message]} times"
    for message in clicks.keys() - readers.requests.keys():
        yield f"{message} was clicked and no reader did it"
    for message in arrivals.keys() - readers.reported:
        yield f"{message} arrived without a report"
    for each in reactions:
        order = readers.orders.get(each.message)
        if each.name == "Message Clicked" and order is not None and each.url != shop_page(order):
            yield f"{each.message} was clicked at {each.url}"

"""Limits on reading requests: time, size, memory, depth; and the key before everything else."""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from infra.settings import Settings
from tests.integration.api.conftest import Keys
from tests.support.api import serving
from tests.support.conditions import eventually

HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}\r\n"


@pytest.fixture
def quick_url(settings: Settings) -> Iterator[str]:
    """The address of an API with short limits on time and a small one on memory."""
    short = settings.model_copy(
        update={
            "http_header_seconds": 1.0,
            "http_body_seconds": 1.0,
            "http_body_memory": 1024 * 1024,
        }
    )
    with serving(short) as url:
        yield url


class Raw:
    """A connection by which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, url: str) -> Raw:
        """Connect to the host of an address."""
        address = urlsplit(url)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def send(self, text: str | bytes) -> None:
        """Send, unless the other side is gone."""
        try:
            self.writer.write(text.encode() if isinstance(text, str) else text)
            await self.writer.drain()
        except ConnectionError:
            pass

    async def answer(self) -> bytes:
        """All that comes until the other side closes the connection."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Close this side."""
        self.writer.close()


async def _drip(raw: Raw) -> None:
    """Send a byte now and then, until the other side closes."""
    while not raw.reader.at_eof() and not raw.writer.is_closing():
        await raw.send(b"a")
        try:
            async with asyncio.timeout(0.1):
                await raw.reader.read(1000)
        except TimeoutError:
            continue
        except ConnectionError:
            return


async def test_connections_that_never_end_their_request_are_closed_and_slow_no_other(
    quick_url: str, keys: Keys
) -> None:
    track = HEAD.format(path="/v1/track", more=f"Authorization: Bearer {keys.ingest}\r\n{{}}")
    openings = (
        "",
        "POST /v1/track HT",
        "POST /v1/track HTTP/1.1\r\nHost: x\r\nX-",
        track.format("Content-Length: 400000\r\n") + '{"userId": "',
        track.format("Transfer-Encoding: chunked\r\n") + "5\r\n{\r\n",
        # Without a key the answer comes at once, and the body is no longer needed.
        HEAD.format(path="/v1/apply", more="Content-Length: 400000\r\n") + "{",
    )
    call = {"userId": "u", "event": "E"}
    headers = {"Authorization": f"Bearer {keys.ingest}"}
    async with httpx.AsyncClient(base_url=quick_url, headers=headers) as client:

        async def median() -> float:
            taken = []
            for _ in range(30):
                begun = time.perf_counter()
                assert (await client.post("/v1/track", json=call)).status_code == 200
                taken.append(time.perf_counter() - begun)
            return statistics.median(taken)

        alone = await median()
        slow = [await Raw.open(quick_url) for _ in range(200)]
        for number, raw in enumerate(slow):
            await raw.send(openings[number % len(openings)])
        dripping = [asyncio.create_task(_drip(raw)) for raw in slow]
        beside = await median()
        async with asyncio.timeout(12):
            await asyncio.gather(*dripping)
        for raw in slow:
            raw.close()
    # Dripping costs this process as much as the server, so the bound is wide here.
    assert beside < max(4 * alone, 0.05), (alone, beside)


async def test_a_body_that_comes_too_slowly_is_answered_with_408(
    quick_url: str, keys: Keys
) -> None:
    more = f"Authorization: Bearer {keys.operate}\r\nContent-Length: 100\r\n"

    async def send_slowly(path: str) -> None:
        raw = await Raw.open(quick_url)
        head = HEAD.format(path=path, more=more)
        if "coupons" in path:
            head = head.replace("application/json", "text/csv")
        await raw.send(head)
        await raw.send("{")
        answer = await raw.answer()
        assert answer.startswith(b"HTTP/1.1 408 "), path
        assert b'"code":"slow_body"' in answer
        raw.close()

    await asyncio.gather(*map(send_slowly, ("/v1/track", "/v1/apply", "/v1/coupons/p")))


async def test_a_slow_body_that_goes_on_is_taken(quick_url: str, keys: Keys) -> None:
    body = json.dumps({"userId": "u", "event": "E", "properties": {"a": "x" * 20_000}}).encode()
    more = f"Authorization: Bearer {keys.ingest}\r\nContent-Length: {len(body)}\r\n"
    raw = await Raw.open(quick_url)
    await raw.send(HEAD.format(path="/v1/track", more=more + "Connection: close\r\n"))
    for begin in range(0, len(body), 5_000):
        await raw.send(body[begin : begin + 5_000])
        assert not raw.reader.at_eof()
    assert (await raw.answer()).startswith(b"HTTP/1.1 200 ")
    raw.close()


async def test_unfinished_bodies_share_a_bounded_memory(quick_url: str, keys: Keys) -> None:
    more = f"Authorization: Bearer {keys.ingest}\r\nContent-Length: 500000\r\n"
    opened = [await Raw.open(quick_url) for _ in range(6)]
    for raw in opened:
        await raw.send(HEAD.format(path="/v1/track", more=more))
        await raw.send(b"x" * 400_000)
    answers = await asyncio.gather(*(raw.answer() for raw in opened))
    statuses = sorted(answer[9:12] for answer in answers)
    # Two of them fit into 1 MB, and come too slowly then.
    assert statuses == [b"408", b"408", b"503", b"503", b"503", b"503"]
    assert all(b"etry-after" in answer.lower() for answer in answers if answer[9:12] == b"503")

    async def taken() -> bool:
        headers = {"Authorization": f"Bearer {keys.ingest}"}
        async with httpx.AsyncClient(base_url=quick_url, headers=headers) as client:
            call = {"userId": "u", "event": "E"}
            return (await client.post("/v1/track", json=call)).status_code == 200

    await eventually(taken, 5, what="the memory to be given back")
    for raw in opened:
        raw.close()


async def test_the_oldest_of_too_many_connections_gives_way(settings: Settings) -> None:
    few = settings.model_copy(update={"http_unfinished": 3})
    with serving(few) as url:
        opened = [await Raw.open(url) for _ in range(5)]
        assert await asyncio.gather(*(raw.answer() for raw in opened[:2])) == [b"", b""]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/healthz")).status_code == 200
        for raw in opened:
            raw.close()


def _bomb() -> bytes:
    return gzip.compress(b'{"a": "\\ud800", "b": [' + b"0," * 2_500_000 + b"0]}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/apply"),
        ("POST", "/v1/plan"),
        ("POST", "/v1/groups/x/contacts"),
        ("POST", "/v1/journeys/x/runs"),
        ("PUT", "/v1/journeys/x"),
        ("PUT", "/v1/contacts/x"),
        ("POST", "/v1/coupons/x"),
        ("POST", "/v1/keys"),
    ],
)
async def test_the_key_is_checked_before_the_body_is_read(
    api_url: str, keys: Keys, method: str, path: str
) -> None:
    for key in ("", "Authorization: Bearer nope\r\n", f"Authorization: Bearer {keys.ingest}\r\n"):
        raw = await Raw.open(api_url)
        # The body never comes: a server that waits for it answers nothing.
        more = f"{key}Content-Encoding: gzip\r\nContent-Length: 5000\r\n"
        await raw.send(HEAD.format(path=path, more=more).replace("POST", method, 1))
        async with asyncio.timeout(5):
            line = await raw.reader.readline()
        assert line.split()[1] == (b"403" if keys.ingest in key else b"401"), path
        raw.close()


async def test_a_bomb_is_refused_at_the_limit(
    operate: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for path in ("/v1/apply", "/v1/groups/x/contacts", "/v1/journeys/x/runs"):
        answer = await operate.post(path, content=_bomb(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "oversize"), path
        assert "KB" in answer.json()["message"]
    tracked = await stranger.post("/v1/track", content=_bomb(), headers=headers)
    assert (tracked.status_code, tracked.json()["code"]) == (400, "oversize")


async def test_a_deep_body_is_refused(operate: httpx.AsyncClient) -> None:
    for depth in (101, 5_000, 100_000):
        answer = await operate.post(
            "/v1/journeys/x/runs",
            content=b'{"properties": ' + b'{"a":' * depth + b"1" + b"}" * (depth + 1),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (400, 413), depth
        assert answer.json()["code"] in ("invalid_json", "oversize")

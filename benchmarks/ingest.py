"""Benchmark of the tracking API against bare routes that insert as many rows."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import httpx
import orjson
from psycopg import AsyncConnection

from benchmarks.bare_routes import TABLE
from benchmarks.http_process import Served, served
from benchmarks.report import Figure, spread
from benchmarks.servers import servers
from store.operations.api_keys import create_key

ROUNDS = 7
CLIENTS = 4
BATCH = 100
KNOWN = 10_000
"""Contacts of the batches of known ones; each batch has the next hundred."""
_CONTACTS = (
    "insert into contact (id, external_id)"
    " select gen_random_uuid(), name from unnest(%s::text[]) name"
)


@dataclass(frozen=True)
class _Case:
    name: str
    bare: str
    ours: str
    body: Callable[[], Any]
    requests: int
    least: float


async def measure() -> list[Figure]:
    """Measure requests per second as a share of the bare route's: median of interleaved rounds."""
    async with servers() as running:
        settings = running.settings
        async with await AsyncConnection.connect(settings.database_url, autocommit=True) as conn:
            await conn.execute(TABLE)
            key = await create_key(conn, "ingest")
            names = [str(uuid4()) for _ in range(KNOWN)]
            await conn.execute(_CONTACTS, (names,))
            await conn.execute("analyze contact")
            known = cycle(names)
        environment = {**os.environ, **settings.temporal, "DATABASE_URL": settings.database_url}
        cases = [
            _Case(
                f"/v1/batch of {BATCH} new contacts' events", "/new", "/v1/batch",
                lambda: _batch(str(uuid4()) for _ in range(BATCH)), 60, 0.6,
            ),
            _Case(
                f"/v1/batch of {BATCH} events of known contacts", "/known", "/v1/batch",
                lambda: _batch(islice(known, BATCH)), 60, 0.5,
            ),
            _Case(
                "/v1/track of one event", "/track", "/v1/track",
                lambda: _item(str(uuid4())), 400, 0.6,
            ),
        ]  # fmt: skip
        with (
            served("benchmarks.bare_routes:bare_app", environment) as bare,
            served("api.app:create_app", environment) as ours,
        ):
            return [await _compare(case, bare, ours, key) for case in cases]


async def _compare(case: _Case, bare: Served, ours: Served, key: str) -> Figure:
    async with httpx.AsyncClient(timeout=30, headers={"Authorization": f"Bearer {key}"}) as client:
        plain: list[_Round] = []
        engine: list[_Round] = []
        # The first round is not counted.
        for number in range(ROUNDS + 1):
            count = case.requests if number else case.requests // 4
            plain.append(await _requests(client, bare, case.bare, case.body, count))
            engine.append(await _requests(client, ours, case.ours, case.body, count))
    ratios = [ours.rate / bare.rate for bare, ours in zip(plain[1:], engine[1:], strict=True)]
    return Figure(
        f"{case.name}: rate against a bare route",
        statistics.median(ratios),
        "ratio",
        at_least=case.least,
        detail={
            "ratios": spread(ratios),
            "bare_per_second": spread([each.rate for each in plain[1:]]),
            "engine_per_second": spread([each.rate for each in engine[1:]]),
            "bare_api_cpu_ms": spread([each.cpu_ms for each in plain[1:]]),
            "engine_api_cpu_ms": spread([each.cpu_ms for each in engine[1:]]),
        },
    )


@dataclass(frozen=True)
class _Round:
    rate: float
    """Requests per second."""
    cpu_ms: float
    """Processor time of the process that serves, for each request."""


async def _requests(
    client: httpx.AsyncClient, to: Served, path: str, body: Callable[[], Any], count: int
) -> _Round:
    bodies = [orjson.dumps(body()) for _ in range(count)]
    headers = {"Content-Type": "application/json"}

    async def work() -> None:
        while bodies:
            answer = await client.post(to.url + path, content=bodies.pop(), headers=headers)
            answer.raise_for_status()

    cpu = to.cpu_seconds()
    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    took = time.perf_counter() - began
    return _Round(count / took, (to.cpu_seconds() - cpu) / count * 1_000)


def _item(contact: str) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": contact,
        "event": "Product Viewed",
        "properties": {"product": "boots", "price": 79.5, "colours": ["red", "black"]},
        "messageId": str(uuid4()),
    }


def _batch(contacts: Iterator[str]) -> dict[str, Any]:
    return {"batch": [_item(contact) for contact in contacts]}

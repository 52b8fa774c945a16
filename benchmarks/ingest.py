"""Benchmark of the tracking API against bare routes that insert as many rows."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import orjson
from fastapi import FastAPI, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.report import Figure, spread
from benchmarks.servers import servers
from devstack.ports import free_port
from store.operations.api_keys import create_key

ROUNDS = 5
REQUESTS = {"batch": 60, "track": 400}
CLIENTS = 4
BATCH = 100

_TABLE = (
    "create table if not exists bare_event (id bigserial primary key, contact text, name text,"
    " properties jsonb, message_id text, received_at timestamptz default now())"
)
_INSERT = (
    "insert into bare_event (contact, name, properties, message_id)"
    " select contact, name, properties, message_id from jsonb_to_recordset(%s)"
    " g(contact text, name text, properties jsonb, message_id text)"
)


def bare_app() -> FastAPI:
    """An app with two routes that insert the items of a request in one statement."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncConnectionPool(
            os.environ["DATABASE_URL"], min_size=2, max_size=10, kwargs={"autocommit": True}
        ) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/batch")
    async def batch(request: Request) -> dict[str, bool]:
        await _insert(request, orjson.loads(await request.body())["batch"])
        return {"success": True}

    @app.post("/track")
    async def track(request: Request) -> dict[str, bool]:
        await _insert(request, [orjson.loads(await request.body())])
        return {"success": True}

    return app


async def _insert(request: Request, items: list[dict[str, Any]]) -> None:
    rows = [
        {
            "contact": item["userId"],
            "name": item["event"],
            "properties": item["properties"],
            "message_id": item["messageId"],
        }
        for item in items
    ]
    async with request.app.state.pool.connection() as conn:
        await conn.execute(_INSERT, (orjson.dumps(rows).decode(),))


async def measure() -> list[Figure]:
    """Measure requests per second as a share of the bare route's: median of interleaved rounds."""
    async with servers() as running:
        settings = running.settings
        async with await AsyncConnection.connect(settings.database_url, autocommit=True) as conn:
            await conn.execute(_TABLE)
            key = await create_key(conn, "ingest")
        environment = {**os.environ, **settings.temporal, "DATABASE_URL": settings.database_url}
        with (
            _served("benchmarks.ingest:bare_app", environment) as bare,
            _served("api.app:create_app", environment) as ours,
        ):
            return [
                await _compare("batch", _batch, 0.4, f"{bare}/batch", f"{ours}/v1/batch", key),
                await _compare("track", _item, 0.5, f"{bare}/track", f"{ours}/v1/track", key),
            ]


async def _compare(
    kind: str, body: Callable[[], dict[str, Any]], least: float, bare: str, ours: str, key: str
) -> Figure:
    count = REQUESTS[kind]
    async with httpx.AsyncClient(timeout=30, headers={"Authorization": f"Bearer {key}"}) as client:
        await _rate(client, bare, body, count // 4)
        await _rate(client, ours, body, count // 4)
        rates = [
            (await _rate(client, bare, body, count), await _rate(client, ours, body, count))
            for _ in range(ROUNDS)
        ]
    ratios = [ours / plain for plain, ours in rates]
    subject = f"{BATCH} new events" if kind == "batch" else "one event"
    return Figure(
        f"/v1/{kind} of {subject}: rate against a bare route",
        statistics.median(ratios),
        "ratio",
        at_least=least,
        detail={
            "ratios": spread(ratios),
            "bare_per_second": spread([plain for plain, _ in rates]),
            "engine_per_second": spread([ours for _, ours in rates]),
        },
    )


async def _rate(
    client: httpx.AsyncClient, url: str, body: Callable[[], dict[str, Any]], count: int
) -> float:
    bodies = [orjson.dumps(body()) for _ in range(count)]
    headers = {"Content-Type": "application/json"}

    async def work() -> None:
        while bodies:
            answer = await client.post(url, content=bodies.pop(), headers=headers)
            answer.raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - began)


def _item() -> dict[str, Any]:
    return {
        "type": "track",
        "userId": str(uuid4()),
        "event": "Product Viewed",
        "properties": {"product": "boots", "price": 79.5, "colours": ["red", "black"]},
        "messageId": str(uuid4()),
    }


def _batch() -> dict[str, Any]:
    return {"batch": [_item() for _ in range(BATCH)]}


@contextmanager
def _served(factory: str, environment: dict[str, str]) -> Iterator[str]:
    """Serve an app in a process of its own, as `parcours api` does; yields its URL."""
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", factory, "--factory", "--port", str(port)]
    arguments += ["--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/openapi.json", timeout=5)
                break
            except httpx.TransportError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)

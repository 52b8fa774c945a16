"""Clients that never end their request: what they do to others, and when they are cut off.

`python -m benchmarks.slow_clients [COUNT]` starts the servers and an API process, and prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psutil
from psycopg import AsyncConnection

from benchmarks.servers import servers
from devstack.ports import free_port
from store.operations.api_keys import create_key

COUNT = 1_000
SAMPLES = 300

_OPENINGS = (
    "",
    "POST /v1/track HTTP/1.1\r\nHost: x\r\nX-",
    "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n{",
    "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n{",
)


async def main(count: int) -> None:
    """Measure, and print the figures."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * COUNT + 1024), most))
    async with servers() as running:
        url = running.settings.database_url
        async with await AsyncConnection.connect(url, autocommit=True) as conn:
            key = await create_key(conn, "ingest")
        environment = {**os.environ, **running.settings.temporal, "DATABASE_URL": url}
        async with _served(environment) as (port, process):
            headers = {"Authorization": f"Bearer {key}"}
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
                await _latencies(client, 100)
                alone = await _latencies(client, SAMPLES)
                before = process.memory_info().rss
                began = time.perf_counter()
                clients = [
                    asyncio.create_task(_slow(port, _OPENINGS[number % len(_OPENINGS)]))
                    for number in range(count)
                ]
                beside = await _latencies(client, SAMPLES)
                memory = process.memory_info().rss - before
                lasted = sorted(await asyncio.gather(*clients))
                all_gone = time.perf_counter() - began
    print(
        json.dumps(
            {
                "connections": count,
                "median_alone_ms": round(statistics.median(alone) * 1000, 2),
                "median_beside_ms": round(statistics.median(beside) * 1000, 2),
                "p99_beside_ms": round(sorted(beside)[int(len(beside) * 0.99)] * 1000, 2),
                "memory_mb": round(memory / 1024 / 1024, 1),
                "closed_after_s": {
                    "first": round(lasted[0], 1),
                    "median": round(statistics.median(lasted), 1),
                    "last": round(lasted[-1], 1),
                },
                "all_closed_after_s": round(all_gone, 1),
            },
            indent=2,
        )
    )


async def _latencies(client: httpx.AsyncClient, count: int) -> list[float]:
    taken = []
    for number in range(count):
        began = time.perf_counter()
        call = {"userId": f"u{number}", "event": "E"}
        (await client.post("/v1/track", json=call)).raise_for_status()
        taken.append(time.perf_counter() - began)
    return taken


async def _slow(port: int, opening: str) -> float:
    """Send a byte each second; the seconds until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    try:
        writer.write(opening.encode())
        while not reader.at_eof():
            writer.write(b"a")
            try:
                async with asyncio.timeout(1):
                    await reader.read(65_536)
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    finally:
        writer.close()
    return time.perf_counter() - began


@asynccontextmanager
async def _served(environment: dict[str, str]) -> AsyncIterator[tuple[int, psutil.Process]]:
    port = free_port()
    arguments = [sys.executable, "-m", "cli.main", "api", "--port", str(port)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *arguments, env=environment, stdout=quiet, stderr=quiet
    )
    try:
        async with httpx.AsyncClient() as client:
            async with asyncio.timeout(90):
                while True:
                    try:
                        await client.get(f"http://127.0.0.1:{port}/healthz")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))

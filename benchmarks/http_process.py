"""Processes of HTTP benchmarks: `python -m benchmarks.http_process APP PORT` serves an app.

It is served as `parcours api` does: the same protocol, event loop, logs and garbage collection.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil
import uvicorn

from api.http.connections import ConnectionLimits, server_config
from devstack.ports import free_port
from infra.garbage import spare_what_stays
from infra.logging import configure_logging


@dataclass(frozen=True)
class Served:
    """A process that serves an app."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """The processor time that it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def served(factory: str, environment: dict[str, str]) -> Iterator[Served]:
    """Serve an app in a process of its own until the context ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.http_process", factory, str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/openapi.json", timeout=5)
                break
            except httpx.TransportError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield Served(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def _serve(factory: str, port: int) -> None:
    configure_logging("json", process="api")
    config = server_config(factory, ConnectionLimits(), factory=True, port=port, loop="uvloop")
    config.load()
    spare_what_stays()
    uvicorn.Server(config).run()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))

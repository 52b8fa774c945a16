"""Worker processes of benchmarks: `python -m benchmarks.process bare|engine`."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks import bare, bare_activities
from benchmarks.instant import instant_adapters
from benchmarks.servers import environment_of
from infra.clients import connect_temporal
from infra.garbage import spare_what_stays
from infra.logging import configure_logging
from infra.sandbox import workflow_runner
from infra.settings import Settings, read_settings
from worker import serving

READY = "ready"


async def _work(kind: str, settings: Settings) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    client = await connect_temporal(settings)
    if kind == "bare":
        async with bare_worker(client):
            # As `worker.run` does.
            spare_what_stays()
            print(READY, flush=True)
            await stopping.wait()
    else:
        async with serving(settings, client, adapters=instant_adapters()):
            # As `worker.run` does.
            spare_what_stays()
            print(READY, flush=True)
            await stopping.wait()


def _default(setting: str) -> int:
    value: int = Settings.model_fields[setting].default
    return value


def bare_worker(client: Client, *, send: Callable[..., Any] = bare_activities.send) -> Worker:
    """A worker for the bare workflow, with the same slots, cache and sandbox as the engine's."""
    return Worker(
        client,
        task_queue=bare.QUEUE,
        workflows=[bare.Bare, bare.BareTimer],
        activities=[send, bare_activities.branch],
        workflow_runner=workflow_runner(client),
        max_cached_workflows=_default("slots_workflows"),
        max_concurrent_activities=_default("slots_sends"),
        max_concurrent_local_activities=_default("slots_activities"),
    )


@contextmanager
def worker_process(kind: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Run a worker, `bare` or `engine`, in a process of its own until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.process", kind],
        env=environment_of(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != READY:
            raise RuntimeError(f"the {kind} worker did not start")
        yield process
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


if __name__ == "__main__":
    configure_logging("json", process="worker", level="WARNING")
    uvloop.run(_work(sys.argv[1], read_settings()))

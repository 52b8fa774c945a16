"""Processes of the benchmark of sends: `python -m benchmarks.send_process bare|engine`.

Each line that comes holds the runs to send to; the answer is a line with the time that it took.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID, uuid4

import orjson
import uvloop
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.sending.send import SendActivities
from channels.adapter import Adapter, Email, Outgoing, Receipt
from channels.registry import build
from infra.clients import open_pool
from infra.logging import configure_logging
from infra.settings import Settings, read_settings
from journeys.protocol.payloads import StepInput, StepResult
from journeys.time.durations import Duration
from store.definitions.catalog import Catalog

AT_ONCE = 40
"""Sends at the same time, twice as many as there are connections to the mail server."""

Send = Callable[[UUID], Awaitable[None]]

_OF_A_MAIL = [field.name for field in fields(Email)]


@dataclass(frozen=True)
class Taken:
    """What a number of sends took."""

    seconds: float
    cpu_seconds: float
    """Of the process that sends."""


class SendProcess:
    """A process that sends, and waits for work meanwhile."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Hand over work, and wait for the answer."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(request) + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError("a process that sends has ended")
        return orjson.loads(answer)

    def last_mail(self) -> Any:
        """The last mail that the engine sent, as JSON."""
        return self.ask({})

    def give_mail(self, mail: Any) -> None:
        """The mail that the bare loop is to send."""
        self.ask({"mail": mail})

    def send(self, runs: Sequence[UUID]) -> Taken:
        """Send to the contacts of these runs."""
        return Taken(**self.ask({"runs": runs}))


@contextmanager
def sending_process(kind: str, environment: Mapping[str, str]) -> Iterator[SendProcess]:
    """Run a process, `bare` or `engine`, until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.send_process", kind],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield SendProcess(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


class _Last:
    """An adapter that keeps the last mail that it handed on."""

    channel: Literal["email"] = "email"

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.timeout = adapter.timeout
        self.mail: Email | None = None

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Hand the mail on."""
        assert isinstance(outgoing, Email)
        self.mail = outgoing
        return await self._adapter.send(outgoing)

    async def close(self) -> None:
        """Close the connections."""
        await self._adapter.close()


async def _send_by_engine(activities: SendActivities, run: UUID) -> None:
    """Send as a worker does when Temporal has handed it the task of a run's first step."""
    request = StepInput(run_id=run, visit=1, step="mail", now=datetime.now(UTC))
    result: StepResult = await ActivityEnvironment().run(activities.send, request)
    if result.outcome != "sent":
        raise RuntimeError(f"a send ended as {result}")


async def _send_alone(adapter: Adapter, mail: Email, run: UUID) -> None:
    """Write and hand over a mail whose texts are given."""
    await adapter.send(replace(mail, message_id=uuid4(), to=f"{run}@example.com"))


@asynccontextmanager
async def _engine(settings: Settings, adapter: Adapter) -> AsyncIterator[Send]:
    pool = await open_pool(settings, min_size=2, max_size=settings.database_connections)
    try:
        context = Context(
            pool=pool,
            catalog=Catalog(),
            adapters={"email": adapter},
            sender=settings.from_address,
            keep={kind: Duration.parse(text) for kind, text in settings.keep.items()},
            links=settings.links,
        )
        yield partial(_send_by_engine, SendActivities(context))
    finally:
        await pool.close()


async def _work(kind: str, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    adapter = _Last(build(settings).by_channel["email"])
    async with _engine(settings, adapter) as send:
        while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
            request = orjson.loads(line)
            if "runs" in request:
                _answer(await _measured(send, [UUID(each) for each in request["runs"]]))
            elif kind == "bare":
                mail = Email(**{**request["mail"], "message_id": uuid4()})
                send = partial(_send_alone, adapter, mail)
                _answer({})
            else:
                assert adapter.mail is not None
                _answer({name: getattr(adapter.mail, name) for name in _OF_A_MAIL})
    await adapter.close()


def _answer(answer: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


async def _measured(send: Send, runs: Sequence[UUID]) -> dict[str, float]:
    waiting = iter(runs)

    async def one_after_another() -> None:
        for run in waiting:
            await send(run)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
    }


if __name__ == "__main__":
    configure_logging("json", process="worker", level="WARNING")
    uvloop.run(_work(sys.argv[1], read_settings()))

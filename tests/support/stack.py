"""A development stack started as a person does: by the command, in a process of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.conditions import eventually

READY_WITHIN = 90.0
GONE_WITHIN = 60.0
FREE_PORTS = ("--api-port=0", "--temporal-port=0", "--ui-port=0", "--smtp-port=0")


class StackEnded(Exception):
    """The stack ended before it was ready; the message is what it printed."""


@dataclass(slots=True)
class DevStack:
    """A `parcours dev` and all it said."""

    process: asyncio.subprocess.Process
    data_dir: Path
    output: list[str] = field(default_factory=list)
    seen: set[psutil.Process] = field(default_factory=set)
    """Every process that was part of it when somebody looked."""

    @property
    def file(self) -> Path:
        """Its `stack.json`."""
        return self.data_dir / "stack.json"

    @property
    def text(self) -> str:
        """What it printed so far."""
        return "\n".join(self.output)

    async def ready(self) -> dict[str, Any]:
        """What `stack.json` says, once it is there."""

        def look() -> bool:
            if self.process.returncode is not None:
                raise StackEnded(self.text)
            return self.file.exists()

        await eventually(look, READY_WITHIN, what=f"stack.json; printed:\n{self.text}")
        self.look_around()
        described: dict[str, Any] = json.loads(self.file.read_text())
        return described

    def look_around(self) -> None:
        """Remember the processes that are part of it now."""
        try:
            self.seen.update(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            pass

    def part(self, word: str) -> psutil.Process:
        """The process of its own with this word in its command line."""
        for process in psutil.Process(self.process.pid).children():
            try:
                arguments = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if any(word == Path(argument).name for argument in arguments):
                return process
        raise AssertionError(f"no process of {word}:\n{self.text}")

    async def killed_part_is_back(self, word: str) -> None:
        """Kill a part with SIGKILL and wait for another process in its place."""
        old = self.part(word)
        old.kill()
        await self.part_is_back(word, old)

    async def part_is_back(self, word: str, old: psutil.Process) -> None:
        """Wait for another process in the place of one that was killed."""

        def look() -> bool:
            return self.part(word).pid != old.pid

        await eventually(look, READY_WITHIN, what=f"{word} again")
        self.look_around()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and return its exit code once it has."""
        self.look_around()
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), GONE_WITHIN)

    async def nothing_left(self) -> None:
        """Return once no process of it runs."""

        def look() -> bool:
            left = [process for process in self.seen if process.is_running()]
            assert not left, left
            return True

        await eventually(look, 20.0, what="every process gone")


@asynccontextmanager
async def dev_stack(
    data_dir: Path, *options: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[DevStack]:
    """`parcours dev` on free ports; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "cli.main",
        "dev",
        f"--data-dir={data_dir}",
        *(options or FREE_PORTS),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    stack = DevStack(process, data_dir)
    reading = asyncio.create_task(_read(process, stack.output))
    try:
        yield stack
    finally:
        if process.returncode is None:
            stack.look_around()
            process.kill()
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, output: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        output.append(line.decode().rstrip())  # noqa: PERF401 - each as it comes

"""A process of the stack: it is started in its own process group, watched and stopped."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
PROBE_EVERY = 0.05
LOG_LINES_SHOWN = 5


class StackFailed(Exception):
    """The stack cannot start or go on; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and how it ends.

    `death_signal` is what the kernel sends when the parent dies; `stop_signal` is what a stop
    begins with, and after `grace` seconds the whole group is killed.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 10.0


class Child:
    """A running command."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process) -> None:
        self.command = command
        self._process = process

    @classmethod
    async def start(cls, command: Command) -> "Child":
        """Start the command, its output appended to its log."""
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
        launcher += ["--parent", str(os.getpid())]
        launcher += ["--death-signal", str(int(command.death_signal))]
        if command.user is not None:
            launcher += ["--user", command.user]
        with command.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *launcher,
                "--",
                *command.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(command.environment),
                # A Ctrl-C in the terminal is for the supervisor alone, which stops all in order.
                start_new_session=True,
            )
        return cls(command, process)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.returncode is None

    @property
    def how_it_ended(self) -> str:
        """`killed by SIGKILL`, `ended with status 1`."""
        code = self._process.returncode
        if code is None:
            return "still running"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    async def wait(self) -> None:
        """Return when the process has ended."""
        await self._process.wait()

    async def until_ready(self, probe: Callable[[], Awaitable[bool]], within: float) -> None:
        """Return once `probe` says so.

        Raises:
            StackFailed: the process ended before, or is not ready after `within` seconds.
        """
        until = time.monotonic() + within
        while not await probe():
            if not self.running:
                raise StackFailed(
                    f"{self.command.name} did not start: {self.how_it_ended}{self.last_words()}"
                )
            if time.monotonic() > until:
                raise StackFailed(
                    f"{self.command.name} is not ready after {within:.0f} s{self.last_words()}"
                )
            await asyncio.sleep(PROBE_EVERY)

    async def stop(self) -> None:
        """Ask it to end, wait for as long as its grace, then kill what is left of its group."""
        if self.running:
            self._process.send_signal(self.command.stop_signal)
            try:
                await asyncio.wait_for(self._process.wait(), self.command.grace)
            except TimeoutError:
                pass
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """Kill the whole group at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def last_words(self) -> str:
        """The end of its log, indented lines to put under a message."""
        try:
            lines = self.command.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        shown = [line for line in lines if line.strip()][-LOG_LINES_SHOWN:]
        return "".join(f"\n    {line}" for line in [*shown, f"(all of it: {self.command.log})"])

"""The process that plays trials: started when one is asked for, and ended when none is for long.

The API does not import simulation, which lies above it and needs servers of its own.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from api.http.problems import RETRY_AFTER, Problem
from store.metrics import histogram

SECONDS: Final = 60.0
"""The time that one trial may take."""
MOST: Final = 4
"""The most trials that are played or wait for their turn."""
IDLE: Final = 300.0
"""Seconds without a trial after which the process ends."""
STARTED_WITHIN: Final = 90.0
"""Seconds for its start, which makes a database."""

PLAYED = histogram("parcours_trial_seconds")

_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of an answer."""
_PASSED_ON: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "USER",
)  # fmt: skip
"""Variables that the process gets. What it plays must not find a server, a key or a secret."""

_log = structlog.get_logger(__name__)


class TrialPlayer:
    """Trials, one after another."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._asked = 0
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._directory: Path | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def process(self) -> int | None:
        """The id of the process, and of its group; None if there is none."""
        return None if self._process is None else self._process.pid

    async def play(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of `simulation.player` to a request. Raises Problem 422 or 503."""
        if self._asked >= self._most:
            raise Problem(
                503,
                "busy",
                "too many trials are being played at this moment: try again",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._asked += 1
        try:
            async with self._turn:
                self._stay()
                try:
                    with PLAYED.time():
                        return await self._play(orjson.dumps(request) + b"\n")
                finally:
                    self._end_later()
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """End the process, with its servers."""
        self._stay()
        if self._ending is not None:
            await asyncio.gather(self._ending, return_exceptions=True)
        await self._kill()

    async def _play(self, line: bytes) -> dict[str, Any]:
        if self._process is None or self._process.returncode is not None:
            await self._kill()
            await self._start()
        answer = await self._ask(line, self._seconds)
        if answer is None:
            raise Problem(
                422,
                "too_long",
                f"the trial took more than {self._seconds:g} s: give `until`, or fewer contacts",
            )
        if "error" in answer:
            _log.error("trial_failed", error=answer["error"])
            await self._kill()
            raise Problem(503, "trial_failed", "the trial broke off here; it has been logged")
        if "refused" in answer:
            raise Problem(422, "refused", answer["refused"])
        if "failed" in answer:
            raise Problem(422, "failed", answer["failed"])
        return answer

    async def _start(self) -> None:
        directory = self._directory = await asyncio.to_thread(_make_directory)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulation.player",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**environment, "TMPDIR": str(directory)},
            limit=_LARGEST,
            # Its servers are of its group, and end with it.
            start_new_session=True,
        )
        if await self._ask(None, STARTED_WITHIN) is None:
            raise Problem(
                503,
                "not_installed",
                "the servers of a simulation do not start here: `parcours simulate` says why",
            )

    async def _ask(self, line: bytes | None, seconds: float) -> dict[str, Any] | None:
        """Send a request, unless it is None, and wait; None if the process was ended for it."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                if line is not None:
                    process.stdin.write(line)
                    await process.stdin.drain()
                answer = await process.stdout.readline()
        except (TimeoutError, OSError, ValueError) as error:
            _log.warning("trial_ended", error=type(error).__name__)
            answer = b""
        except asyncio.CancelledError:
            # Its answer would be taken for that of the next one.
            await self._kill()
            raise
        if not answer:
            await self._kill()
            return None
        found: dict[str, Any] = orjson.loads(answer)
        return found

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end_later(self) -> None:
        self._stay()
        if self._process is not None:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._end)

    def _end(self) -> None:
        self._ending = asyncio.create_task(self._end_idle())

    async def _end_idle(self) -> None:
        async with self._turn:
            await self._kill()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        directory, self._directory = self._directory, None
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await process.wait()
        if directory is not None:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _make_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="parcours-trials-"))
    # If we are root, its PostgreSQL runs as another user, who must be able to enter.
    directory.chmod(0o711)
    return directory

"""Checker of documents: short ones in a thread, long ones in a process, none on the event loop."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from api.definitions.checking_process import FUNCTIONS
from api.definitions.description import Description
from api.definitions.preparation import Preparation, Source
from api.http.problems import RETRY_AFTER, Problem
from journeys.checks.references import KnownKeys
from store.metrics import histogram

SHORT = 4 * 1024
"""Characters of documents that are checked in a thread: some hundredths of a second."""
WAITING = 8
"""The most calls that wait for the process."""
SECONDS = 20.0
"""The time that the process has for one call."""

NICENESS = 5
"""By how much the process stands back behind the API, where others want the processor."""
STARTED_WITHIN = 60.0
"""Seconds for the start of the process, which imports the language."""

CHECKED = histogram("parcours_document_check_seconds")

_log = structlog.get_logger(__name__)


class CheckerFailed(Exception):
    """The process did not start, or a check raised an error; the text is its traceback."""


class DocumentChecker:
    """Calls of `api.definitions.preparation` and `description` beside the event loop."""

    def __init__(
        self, seconds: float = SECONDS, waiting: int = WAITING, niceness: int = NICENESS
    ) -> None:
        self._seconds = seconds
        self._niceness = niceness
        self._most_waiting = waiting
        self._waiting = 0
        # One thread that waits for the process: calls take turns.
        self._turn = ThreadPoolExecutor(1, "checker")
        self._process: subprocess.Popen[bytes] | None = None

    async def prepare(
        self,
        sources: Sequence[Source],
        known: KnownKeys,
        only: tuple[str, str] | None = None,
    ) -> Preparation:
        """See `api.definitions.preparation.prepare`. Raises Problem 422 or 503."""
        size = sum(len(text) for _, text in sources)
        answer: Preparation = await self._call(size, "prepare", list(sources), known, only)
        return answer

    async def changes(
        self, before: Mapping[str, Any], now: Mapping[str, Any], size: int
    ) -> list[tuple[str, str | None]]:
        """See `api.definitions.preparation.changes`; `size` is that of the larger document."""
        answer: list[tuple[str, str | None]] = await self._call(size, "changes", before, now)
        return answer

    async def describe(self, text: str, known: KnownKeys) -> Description:
        """See `api.definitions.description.describe`. Raises Problem 422 or 503."""
        answer: Description = await self._call(len(text), "describe", text, known)
        return answer

    async def close(self) -> None:
        """End the process."""
        self._kill()
        await asyncio.to_thread(self._turn.shutdown, cancel_futures=True)

    async def _call(self, size: int, name: str, *arguments: Any) -> Any:
        if size <= SHORT:
            with CHECKED.labels("thread").time():
                return await asyncio.to_thread(FUNCTIONS[name], *arguments)
        if self._waiting >= self._most_waiting:
            raise Problem(
                503,
                "busy",
                "too many long documents are being checked at this moment: try again",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._waiting += 1
        try:
            with CHECKED.labels("process").time():
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._turn, self._ask, name, arguments)
        except TimeoutError:
            raise Problem(
                422,
                "too_complex",
                f"the documents take more than {self._seconds:g} s to check, or too much memory:"
                " send fewer at once",
            ) from None
        finally:
            self._waiting -= 1

    def _ask(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """The answer of the process, which is started if it is not there. Blocks its thread."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "api.definitions.checking_process"),
                    str(self._niceness),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            # Its start is not part of the time of the call.
            self._exchange(process, None, STARTED_WITHIN)
        return self._exchange(process, (name, arguments), self._seconds)

    def _exchange(self, process: subprocess.Popen[bytes], call: Any, seconds: float) -> Any:
        """Send a call, unless it is None, and wait for an answer. Raises TimeoutError."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            if call is not None:
                pickle.dump(call, process.stdin, pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
            done, answer = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._kill()
            if call is not None:
                # It took too long, or more memory than it may.
                _log.warning("check_ended", late=late.is_set(), error=type(error).__name__)
                raise TimeoutError from None
            raise CheckerFailed(f"the process ended: {error!r}") from error
        finally:
            timer.cancel()
        if not done:
            raise CheckerFailed(answer)
        return answer

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

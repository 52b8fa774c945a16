"""Waiting for a job, with its progress on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import typer

from cli.client import Server, segment

if TYPE_CHECKING:
    from rich.progress import TaskID

_PAUSE: Final = 0.5
"""Seconds between two looks at the job."""
_SILENCE: Final = 20.0
"""Seconds without progress after which a hint is printed."""
_LINES: Final = 10
"""Lines of progress, at most, where standard error is not a terminal."""


class _Progress(Protocol):
    def __call__(self, done: int, total: int) -> None: ...


def wait_for_job(server: Server, job_id: str, name: str, unit: str) -> dict[str, Any]:
    """The job, once it has ended. `name` is what it does, `unit` what it counts.

    Ctrl-C ends the waiting, and not the job.
    """
    with _progress(name, unit) as show:
        done, since, hinted = -1, time.monotonic(), False
        while True:
            job: dict[str, Any] = server.get(f"/v1/jobs/{segment(job_id)}").json()
            show(job["done"], job["total"])
            if job["state"] != "running":
                return job
            if job["done"] != done:
                done, since = job["done"], time.monotonic()
            elif not hinted and not job["paused_at"] and time.monotonic() - since > _SILENCE:
                hinted = True
                typer.echo(
                    f"job {job_id} makes no progress: does a worker run? It goes on without this"
                    f" command; see `parcours job show {job_id}`",
                    err=True,
                )
            time.sleep(_PAUSE)


@contextmanager
def _progress(name: str, unit: str) -> Iterator[_Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(name, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task: TaskID = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


class _Lines:
    """A line each time that another part of the work is done."""

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._unit = unit
        self._part = -1

    def __call__(self, done: int, total: int) -> None:
        """Print a line if there is news."""
        part = _LINES * done // total if total else 0
        if part > self._part:
            self._part = part
            typer.echo(f"{self._name}: {done:,} of {total:,} {self._unit}", err=True)

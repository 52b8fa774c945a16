"""Waiting for the job that previews many runs, with its progress on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import typer

from cli.client import Server, segment
from cli.errors import ExitCode, refuse

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


def wait_for_preview(server: Server, journey: str, job_id: str) -> dict[str, Any]:
    """The preview that a job makes, once it is done. The command ends if the job is stopped."""
    job = wait_for_job(server, f"preview of {journey}", job_id, "runs")
    if job["preview"] is None:
        refuse(f"the preview of {journey} was {job['state']}: job {job_id}", ExitCode.REFUSED)
    found: dict[str, Any] = job["preview"]
    return found


def wait_for_job(server: Server, name: str, job_id: str, things: str) -> dict[str, Any]:
    """A job, once it has ended, with its progress in `things` on standard error meanwhile."""
    with _progress(name, things) as show:
        done, since, hinted = -1, time.monotonic(), False
        while True:
            job = server.get(f"/v1/jobs/{segment(job_id)}").json()
            show(job["done"], job["total"])
            if job["state"] != "running":
                break
            if job["done"] != done:
                done, since = job["done"], time.monotonic()
            elif not hinted and time.monotonic() - since > _SILENCE:
                hinted = True
                typer.echo(
                    f"job {job_id} makes no progress: does a worker run? It goes on without this"
                    f" command; see `parcours job show {job_id}`",
                    err=True,
                )
            time.sleep(_PAUSE)
    ended: dict[str, Any] = job
    return ended


@contextmanager
def _progress(name: str, things: str) -> Iterator[_Progress]:
    """Shows progress as a bar on a terminal, and as lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(name, things)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task: TaskID = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """A line each time that another part of the work is done."""

    def __init__(self, name: str, things: str) -> None:
        self._name = name
        self._things = things
        self._part = -1

    def __call__(self, done: int, total: int) -> None:
        """Print a line if there is news."""
        part = _LINES * done // total if total else 0
        if part > self._part:
            self._part = part
            typer.echo(f"{self._name}: {done:,} of {total:,} {self._things}", err=True)

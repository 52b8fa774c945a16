"""Whether this build replays the histories of open runs and jobs.

A build that does not replay a history cannot go on with its run: the run stands until a build comes
that does. So this is asked before a build takes over.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, WorkflowRunner
from temporalio.workflow import NondeterminismError

from infra.telemetry import quiet_runtime
from journeys.protocol.names import job_workflow_id, workflow_id
from store.operations.workers import ends_of_journeys, open_jobs, open_runs_at

_JOURNEYS: Final = 500
_JOBS: Final = 20
_GONE: Final = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose history it is; histories of files are named by their file."""

    journey: str
    version: int | None
    step: str | None
    workflow: str


@dataclass(slots=True)
class Broken:
    """Histories of one journey, version and step that break with one code."""

    journey: str
    version: int | None
    step: str | None
    code: str
    runs: int
    example: str
    """A workflow whose history breaks, or the file of one."""


@dataclass(slots=True)
class ReplayReport:
    """What a check found."""

    build: str
    replayed: int = 0
    unread: int = 0
    """Histories that were sampled and not replayed: time was up, or they were gone by then."""
    broken: list[Broken] = field(default_factory=list)

    def add(self, subject: Subject, code: str) -> None:
        """Count a history that breaks."""
        place = (subject.journey, subject.version, subject.step, code)
        for each in self.broken:
            if (each.journey, each.version, each.step, each.code) == place:
                each.runs += 1
                return
        self.broken.append(Broken(*place, 1, subject.workflow))


async def sample_of_open_workflows(
    pool: AsyncConnectionPool[AsyncConnection[Any]], sample: int
) -> list[Subject]:
    """Open runs: the oldest and the newest of each journey, and others in between; running jobs.

    Runs' ids rise with time, so points between two ids are points in time.
    """
    async with pool.connection() as conn:
        ends = await ends_of_journeys(conn, min(_JOURNEYS, sample))
        each = max(2, sample // max(len(ends), 1))
        points = [
            (journey, point)
            for journey, first, last in ends
            for point in _points(first, last, each)
        ]
        runs = await open_runs_at(conn, points)
        jobs = await open_jobs(conn, _JOBS)
    subjects = [
        Subject(run.journey, run.version, run.step, workflow_id(run.journey, run.id))
        for run in runs
    ]
    random.shuffle(subjects)
    return [
        *(Subject(f"job {kind}", None, None, job_workflow_id(kind, job)) for job, kind in jobs),
        *subjects[:sample],
    ]


def _points(first: UUID, last: UUID, number: int) -> list[UUID]:
    return [
        first,
        last,
        *(UUID(int=random.randint(first.int, last.int)) for _ in range(number - 2)),
    ]


class ReplayCheck:
    """One check, with the code of this process."""

    def __init__(
        self, build: str, workflows: Sequence[type], runner: WorkflowRunner, *, seconds: float
    ) -> None:
        """`seconds`: the time that the check may take; what is left by then is not replayed."""
        self.report = ReplayReport(build)
        self._replayer = Replayer(
            workflows=workflows,
            workflow_runner=runner,
            data_converter=pydantic_data_converter,
            build_id=build,
            runtime=quiet_runtime(),
        )
        self._until = monotonic() + seconds

    async def replay_open(
        self, client: Client, subjects: Sequence[Subject], *, save: Path | None = None
    ) -> None:
        """Fetch and replay histories. `save`: a folder that gets each as a file. Raises RPCError.

        One that is gone, because its run ended meanwhile and was removed, is not read.
        """

        async def histories() -> AsyncIterator[tuple[Subject, WorkflowHistory]]:
            for subject in subjects:
                if not self._there_is_time():
                    continue
                try:
                    history = await client.get_workflow_handle(subject.workflow).fetch_history()
                except RPCError as error:
                    if error.status not in _GONE:
                        raise
                    self.report.unread += 1
                    continue
                if save is not None:
                    (save / f"{subject.workflow}.json").write_text(history.to_json())
                yield subject, history

        await self._replay(histories())

    async def replay_saved(self, files: Sequence[Path]) -> None:
        """Replay the histories in files. Raises OSError and ValueError."""

        async def histories() -> AsyncIterator[tuple[Subject, WorkflowHistory]]:
            for path in files:
                if self._there_is_time():
                    history = WorkflowHistory.from_json(path.stem, path.read_text())
                    yield Subject(path.name, None, None, path.stem), history

        await self._replay(histories())

    def _there_is_time(self) -> bool:
        """Whether there is time for one more; otherwise it counts as not read."""
        if monotonic() < self._until:
            return True
        self.report.unread += 1
        return False

    async def _replay(self, histories: AsyncIterator[tuple[Subject, WorkflowHistory]]) -> None:
        """Replay them one by one with one worker: it loads every workflow once."""
        subjects: dict[str, Subject] = {}

        async def named() -> AsyncIterator[WorkflowHistory]:
            async for subject, history in histories:
                subjects[history.workflow_id] = subject
                yield history

        async with self._replayer.workflow_replay_iterator(named()) as results:
            async for result in results:
                self.report.replayed += 1
                failure = result.replay_failure
                if failure is not None:
                    code = (
                        "nondeterminism"
                        if isinstance(failure, NondeterminismError)
                        else type(failure).__name__
                    )
                    self.report.add(subjects[result.history.workflow_id], code)

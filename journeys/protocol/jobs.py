"""The kinds of jobs: workflows that work through many runs, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

JobKind = Literal["move", "resume"]

STOP_ACTIVITY: Final = "stop_job"
"""Notes that a job was cancelled in Temporal; the same for every kind."""


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """One kind of job, by the names that Temporal's histories hold."""

    workflow: str
    page_activity: str
    """Works through the next page and says whether there is more."""
    subject: str
    """What it does, for a person; `{journey}` and `{version}` are the job's."""


JOBS: Final[Mapping[JobKind, JobDefinition]] = {
    "move": JobDefinition("Move", "move_page", "move {journey} to version {version}"),
    "resume": JobDefinition("Resume", "resume_page", "wake the held sends of {journey}"),
}

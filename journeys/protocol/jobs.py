"""The kinds of jobs: workflows that work through many runs, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

JobKind = Literal["move", "resume"]

STOP_ACTIVITY: Final = "stop_job"
"""The activity that records that a job was cancelled in Temporal, for every kind."""


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """One kind of job, with its names in Temporal's histories."""

    workflow: str
    page_activity: str
    """The activity that works through the next page and returns whether there are more."""
    subject: str
    """What the job does, for people; `{journey}` and `{version}` are filled in."""


JOBS: Final[Mapping[JobKind, JobDefinition]] = {
    "move": JobDefinition("Move", "move_page", "move {journey} to version {version}"),
    "resume": JobDefinition("Resume", "resume_page", "wake the held sends of {journey}"),
}

"""Workflow types, workflow ids, signals and task queues of Temporal."""

from __future__ import annotations

from typing import Final
from uuid import UUID

WORKFLOW: Final = "Journey"
"""The workflow type of runs."""
WAKE: Final = "wake"
"""The signal that wakes a run."""
QUEUE: Final = "journeys"
"""The task queue of workflows and of all activities but sends."""


def workflow_id(journey: str, run_id: UUID) -> str:
    """The id of a run's workflow."""
    return f"journey.{journey}.{run_id}"


def job_workflow_id(kind: str, job_id: UUID) -> str:
    """The id of a job's workflow."""
    return f"job.{kind}.{job_id}"

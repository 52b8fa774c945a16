"""Names that workflows, activities and clients share: types, ids, signals and task queues."""

from __future__ import annotations

from uuid import UUID

WORKFLOW = "Journey"


WAKE = "wake"


QUEUE = "journeys"


def workflow_id(journey: str, run_id: UUID) -> str:
    """The id of a run's workflow."""
    return f"journey.{journey}.{run_id}"


def job_workflow_id(kind: str, job_id: UUID) -> str:
    """The id of a job's workflow."""
    return f"job.{kind}.{job_id}"

"""Names that workflows, activities and clients share: workflow types and ids, signals, task queues."""

from __future__ import annotations

from uuid import UUID

WORKFLOW = "Journey"


WAKE = "wake"


QUEUE = "journeys"


MOVE = "Move"


RESUME = "Resume"


SEND_QUEUES = {"email": "send-email", "sms": "send-sms", "webhook": "send-webhook"}


def workflow_id(journey: str, run_id: UUID) -> str:
    """The id of a run's workflow."""
    return f"journey.{journey}.{run_id}"


def job_workflow_id(kind: str, job_id: UUID) -> str:
    """The id of a job's workflow."""
    return f"job.{kind}.{job_id}"

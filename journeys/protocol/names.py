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


RETENTION: Final = "Retention"
"""The workflow type of the job that removes old data."""
RETENTION_PAGE: Final = "retention_page"
"""The activity that removes one page of it."""
RETENTION_SCHEDULE: Final = "schedule.retention"
"""The Temporal Schedule that starts it."""
RETENTION_ID: Final = "job.retention"
"""The id of its workflow; the Schedule adds the time."""

OCCURRENCE: Final = "Occurrence"
"""The workflow type by which a journey's Schedule begins an occurrence."""
BEGIN_OCCURRENCE: Final = "begin_occurrence"
"""The activity that makes the job of an occurrence."""

TEST_MESSAGE: Final = "TestMessage"
"""The workflow type of test messages."""
SEND_TEST: Final = "send_test"
"""The activity that sends one."""


SEND_AGAIN: Final = "SendAgain"
"""The workflow type by which a message is sent again after its step has ended."""
HURRY: Final = "hurry"
"""The signal by which the next attempt of such a message is made at once."""
SEND_MESSAGE_AGAIN: Final = "send_again"
"""The activity that makes an attempt at one."""


def workflow_id(journey: str, run_id: UUID) -> str:
    """The id of a run's workflow."""
    return f"journey.{journey}.{run_id}"


def journey_of(workflow: str) -> str:
    """The journey in the id of a run's workflow."""
    return workflow.removeprefix("journey.").rpartition(".")[0]


def workflow_id_of_test(message_id: UUID) -> str:
    """The id of the workflow of a test message."""
    return f"test.{message_id}"


def workflow_id_of_retry(job_id: UUID, run_id: UUID, visit: int) -> str:
    """The id of the workflow that sends the message of a visit again, for a job."""
    return f"again.{job_id}.{run_id}.{visit}"


def schedule_id(journey: str) -> str:
    """The id of a journey's Temporal Schedule."""
    known = f"schedule.{journey}"
    return f"{known}.journey" if known == RETENTION_SCHEDULE else known


def occurrence_workflow_id(journey: str) -> str:
    """The id of the workflows that a journey's Schedule starts; it adds the time."""
    return f"occurrence.{journey}"


def job_workflow_id(kind: str, job_id: UUID) -> str:
    """The id of a job's workflow."""
    return f"job.{kind}.{job_id}"

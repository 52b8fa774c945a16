"""The workflows of test messages and of retries, as they are now, replay saved histories."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from tests.replay.test_histories import PERSONAL, payloads
from workflows.jobs import RetrySends
from workflows.messages_of_tests import TestMessage
from workflows.sending_again import SendAgain

SAVED = Path(__file__).with_name("messages")
NAMES = ["test-message", "sent-again", "job-retry"]
"""A test message; a message that was sent again after three attempts; the job that did it."""


@pytest.mark.parametrize("name", NAMES)
async def test_it_replays_and_imports_nothing_by_accident(name: str) -> None:
    guarded = SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_import_notification_policy(
            SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )
    replayer = Replayer(
        workflows=[TestMessage, SendAgain, RetrySends],
        data_converter=pydantic_data_converter,
        workflow_runner=guarded,
    )
    text = (SAVED / f"{name}.json").read_text()
    await replayer.replay_workflow(WorkflowHistory.from_json(name, text))


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_nothing_personal(name: str) -> None:
    text = (SAVED / f"{name}.json").read_text()
    assert [
        found for each in [text, *payloads(json.loads(text))] for found in PERSONAL.findall(each)
    ] == []


def test_every_saved_history_is_replayed() -> None:
    assert sorted(file.stem for file in SAVED.glob("*.json")) == sorted(NAMES)

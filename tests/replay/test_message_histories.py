"""The workflow of test messages as it is now replays a saved history."""

import json
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from tests.replay.test_histories import PERSONAL, payloads
from workflows.messages_of_tests import TestMessage

SAVED = Path(__file__).with_name("messages") / "test-message.json"


async def test_it_replays_and_imports_nothing_by_accident() -> None:
    guarded = SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_import_notification_policy(
            SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )
    replayer = Replayer(
        workflows=[TestMessage],
        data_converter=pydantic_data_converter,
        workflow_runner=guarded,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(SAVED.stem, SAVED.read_text()))


def test_it_holds_nothing_personal() -> None:
    text = SAVED.read_text()
    assert [
        found for each in [text, *payloads(json.loads(text))] for found in PERSONAL.findall(each)
    ] == []

"""The workflow as it is now replays every saved history."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import NondeterminismError, SandboxImportNotificationPolicy

from journeys.protocol.payloads import JourneyInput
from journeys.protocol.program import Kind, Node
from tests.replay.record import HISTORIES
from tests.replay.scenarios import SCENARIOS
from workflows.jobs import JOB_WORKFLOWS
from workflows.journey import Journey

ALL = [Journey, *JOB_WORKFLOWS.values()]
SAVED = sorted(HISTORIES.glob("*.json"))
WORKING = set(get_args(Kind))
PERSONAL = re.compile(r"\w@|\+\d{6}|example\.com|127\.0\.0\.1|File \"|site-packages|/home/|/tmp/")

every = pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)


def saved(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def given(history: WorkflowHistory) -> JourneyInput:
    """The input that the history's workflow began with."""
    [payload] = history.events[0].workflow_execution_started_event_attributes.input.payloads
    converter = pydantic_data_converter.payload_converter
    [found] = converter.from_payloads([payload], [JourneyInput])
    assert isinstance(found, JourneyInput)
    return found


def counted(history: WorkflowHistory) -> Counter[int]:
    return Counter(event.event_type for event in history.events)


@every
async def test_the_workflow_replays_it(path: Path) -> None:
    replayer = Replayer(workflows=ALL, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(saved(path))


@every
async def test_it_imports_nothing_into_the_sandbox_by_accident(path: Path) -> None:
    guarded = SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_import_notification_policy(
            SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )
    replayer = Replayer(
        workflows=ALL, data_converter=pydantic_data_converter, workflow_runner=guarded
    )
    await replayer.replay_workflow(saved(path))


@every
def test_it_holds_nothing_personal_and_no_place_of_the_machine(path: Path) -> None:
    texts = [path.read_text(), *payloads(json.loads(path.read_text()))]
    assert [found for text in texts for found in PERSONAL.findall(text)] == []


def payloads(value: Any) -> Iterator[str]:
    """The payloads of a history, decoded."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str):
            yield base64.b64decode(value["data"]).decode()
        for part in value.values():
            yield from payloads(part)
    elif isinstance(value, list):
        for part in value:
            yield from payloads(part)


def test_every_scenario_and_every_kind_of_step_has_one() -> None:
    names = {path.stem.rstrip("-0123456789") for path in SAVED}
    assert names == {scenario.name for scenario in SCENARIOS}
    runs = [path for path in SAVED if not path.stem.startswith("job-")]
    kinds = {node.kind for path in runs for node in given(saved(path)).program.nodes}
    assert kinds >= WORKING


def test_they_hold_the_ways_that_a_run_may_go() -> None:
    """The events that make each history the one it is meant to be."""
    by_name = {path.stem: counted(saved(path)) for path in SAVED}
    assert by_name["continued-1"][EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW] == 1
    assert by_name["cancelled"][EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED] == 1
    assert by_name["cancelled-sending"][EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED] == 1
    assert by_name["reset-1"][EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED] == 1
    # Its only activity is the fall-back of a local one; the held send was called twice.
    assert by_name["outage"][EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] == 1
    assert by_name["held"][EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] == 2
    # What was moved goes on in another execution; jobs have their pages, and rest between them.
    for name in ("moved-1", "moved-by-map-1"):
        assert by_name[name][EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW] == 1
    assert by_name["job-move"][EventType.EVENT_TYPE_TIMER_FIRED] >= 1
    assert by_name["job-resume"][EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED] == 1
    assert by_name["job-resume-spread"][EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED] >= 3


async def test_a_workflow_that_went_another_way_does_not_replay_it() -> None:
    """What a replay proves: a history with another step in its program is refused."""
    history = saved(HISTORIES / "email.json")
    changed = given(history)
    changed.program.nodes = [Node(id="hello", kind="wait", summary="wait")]
    [payload] = pydantic_data_converter.payload_converter.to_payloads([changed])
    first = history.events[0].workflow_execution_started_event_attributes.input
    first.payloads[0].CopyFrom(payload)
    replayer = Replayer(workflows=ALL, data_converter=pydantic_data_converter)
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history)

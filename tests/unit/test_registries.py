"""The registries of workflows and activities: everything that a definition names is served once."""

from typing import Any, get_args

import pytest
from temporalio import activity, workflow

from activities.context import Context
from activities.deciding.decisions import DECIDERS
from activities.registry import JOB_ACTIVITIES, activities_by_queue
from journeys.protocol.channels import (
    CHANNELS,
    MESSAGE_KINDS,
    SEND_KINDS,
    SEND_QUEUES,
    ChannelName,
    MessageChannel,
)
from journeys.protocol.jobs import JOBS, STOP_ACTIVITY, JobKind
from journeys.protocol.names import QUEUE, WORKFLOW
from journeys.protocol.program import Kind
from store.definitions.catalog import Catalog
from worker import WORKFLOWS
from workflows.jobs import JOB_WORKFLOWS

WAIT_ACTIVITIES = ["plan_wait", "close_wait"]


def names_by_queue() -> dict[str, list[str]]:
    """The names of the activities that a worker serves, by task queue."""
    unused: Any = None
    context = Context(pool=unused, catalog=Catalog(), adapters={})
    served = activities_by_queue(context, jobs_client=object())  # type: ignore[arg-type]
    return {queue: [name_of(each) for each in activities] for queue, activities in served.items()}


def name_of(function: Any) -> str:
    definition = activity._Definition.from_callable(function)
    assert definition is not None
    assert definition.name is not None
    return definition.name


def type_of(workflow_class: type) -> str:
    definition = workflow._Definition.from_class(workflow_class)
    assert definition is not None
    assert definition.name is not None
    return definition.name


@pytest.mark.parametrize("kind", JOBS)
def test_every_job_has_a_workflow_and_a_page_activity_that_a_worker_serves(kind: JobKind) -> None:
    assert type_of(JOB_WORKFLOWS[kind]) == JOBS[kind].workflow
    assert JOB_WORKFLOWS[kind] in WORKFLOWS
    assert name_of(JOB_ACTIVITIES[kind].page) == JOBS[kind].page_activity
    assert JOBS[kind].page_activity in names_by_queue()[QUEUE]


def test_every_kind_of_job_is_defined() -> None:
    assert set(JOBS) == set(get_args(JobKind))
    assert STOP_ACTIVITY in names_by_queue()[QUEUE]


def test_the_names_of_jobs_in_saved_histories_stay() -> None:
    names = {kind: (job.workflow, job.page_activity) for kind, job in JOBS.items()}
    stay = {
        "move": ("Move", "move_page"),
        "resume": ("Resume", "resume_page"),
        "preview": ("Preview", "preview_page"),
        "segment": ("FillSegment", "fill_segment_page"),
        "check": ("CheckSegments", "check_segments_page"),
        "import": ("Import", "import_page"),
        "export": ("Export", "export_page"),
        "undo": ("Undo", "undo_page"),
        "erase": ("Erase", "erase_page"),
        "dates": ("PlanDates", "plan_dates_page"),
        "occurrence": ("EnterOccurrence", "enter_occurrence_page"),
    }
    assert names | stay == names


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_step_has_an_activity_that_a_worker_serves(kind: Kind) -> None:
    served = names_by_queue()
    if kind in SEND_KINDS:
        tests = ["send_test"] if kind in MESSAGE_KINDS else []
        assert served[SEND_QUEUES[kind]] == ["send", "send_again", *tests]
    elif kind == "wait":
        assert set(WAIT_ACTIVITIES) <= set(served[QUEUE])
    else:
        assert kind == "split" or kind in DECIDERS
        assert kind in served[QUEUE]


def test_no_kind_of_step_is_served_in_two_ways() -> None:
    kinds = [*DECIDERS, *CHANNELS, "wait", "split"]
    assert sorted(kinds) == sorted(get_args(Kind))


def test_every_channel_is_defined_and_messages_have_an_address() -> None:
    assert set(CHANNELS) == set(get_args(ChannelName))
    assert set(get_args(MessageChannel)) == MESSAGE_KINDS


def test_no_name_is_served_twice_on_one_queue() -> None:
    for names in names_by_queue().values():
        assert len(names) == len(set(names))
    types = [type_of(each) for each in WORKFLOWS]
    assert len(types) == len(set(types))
    assert WORKFLOW in types


def test_a_worker_without_a_client_for_jobs_serves_none() -> None:
    unused: Any = None
    served = activities_by_queue(Context(pool=unused, catalog=Catalog(), adapters={}))
    pages = {job.page_activity for job in JOBS.values()} | {STOP_ACTIVITY}
    assert not pages & {name_of(each) for each in served[QUEUE]}

"""The registry of activities: those that a worker serves, by task queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from temporalio.client import Client

from activities.context import Context
from activities.deciding.decisions import DecisionActivities
from activities.deciding.splits import SplitActivities
from activities.jobs.attribute_conversions import AttributionActivities
from activities.jobs.begin_occurrence import OccurrenceActivities
from activities.jobs.enter_contacts import BackfillActivities, EnterActivities
from activities.jobs.enter_occurrence import EnterOccurrenceActivities
from activities.jobs.erase_contact import EraseContactActivities
from activities.jobs.export_contacts import ExportContactsActivities
from activities.jobs.fill_segments import CheckSegmentsActivities, FillSegmentActivities
from activities.jobs.import_contacts import ImportContactsActivities
from activities.jobs.migrate_runs import MigrateRunsActivities
from activities.jobs.pages import StopJobActivities
from activities.jobs.plan_dates import PlanDatesActivities
from activities.jobs.preview_move import PreviewMoveActivities
from activities.jobs.repair_runs import RepairRunsActivities, RetrySendsActivities
from activities.jobs.resume_sends import ResumeSendsActivities
from activities.jobs.retention import RetentionActivities
from activities.jobs.undo_import import UndoImportActivities
from activities.leaving.finish import FinishActivities
from activities.sending.again import SendAgainActivities
from activities.sending.messages_of_tests import TestMessageActivities
from activities.sending.send import SendActivities
from activities.versions.take_version import VersionActivities
from activities.waiting.waits import WaitActivities
from journeys.protocol.channels import CHANNELS, SEND_QUEUES
from journeys.protocol.jobs import JobKind
from journeys.protocol.names import QUEUE
from journeys.protocol.payloads import JobInput, JobPage

Activity = Callable[..., Any]


class JobActivities(Protocol):
    """The activities of one kind of job."""

    def __init__(self, context: Context, client: Client) -> None: ...

    async def page(self, request: JobInput) -> JobPage:
        """Work through the next page."""
        ...


JOB_ACTIVITIES: Final[Mapping[JobKind, type[JobActivities]]] = {
    "move": MigrateRunsActivities,
    "resume": ResumeSendsActivities,
    "preview": PreviewMoveActivities,
    "enter": EnterActivities,
    "backfill": BackfillActivities,
    "erase": EraseContactActivities,
    "dates": PlanDatesActivities,
    "occurrence": EnterOccurrenceActivities,
    "segment": FillSegmentActivities,
    "check": CheckSegmentsActivities,
    "import": ImportContactsActivities,
    "export": ExportContactsActivities,
    "undo": UndoImportActivities,
    "repair": RepairRunsActivities,
    "retry": RetrySendsActivities,
    "attribution": AttributionActivities,
}


def activities_by_queue(
    context: Context, *, jobs_client: Client | None = None
) -> dict[str, list[Activity]]:
    """The activities of each queue; those of `journeys` also run as local ones.

    `jobs_client`: the client that jobs wake runs with. Without it no job is served.
    """
    waits, sends = WaitActivities(context), SendActivities(context)
    tests, again = TestMessageActivities(context), SendAgainActivities(context)
    return {
        QUEUE: [
            waits.plan,
            waits.close,
            *DecisionActivities(context).activities(),
            SplitActivities(context).split,
            FinishActivities(context).finish,
            VersionActivities(context).take,
            *([] if jobs_client is None else _job_activities(context, jobs_client)),
        ],
        **{
            queue: [sends.send, again.send, *([tests.send] if CHANNELS[channel].to_contact else [])]
            for channel, queue in ((name, SEND_QUEUES[name]) for name in CHANNELS)
        },
    }


def _job_activities(context: Context, client: Client) -> list[Activity]:
    return [
        *(activities(context, client).page for activities in JOB_ACTIVITIES.values()),
        StopJobActivities(context).stop,
        OccurrenceActivities(context, client).begin,
        RetentionActivities(context).page,
    ]

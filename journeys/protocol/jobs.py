"""The kinds of jobs: workflows that work through many contacts or runs, page by page.

Adding a job is an entry here and its page activity in `activities.jobs`; its workflow, its start
and its end are derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

JobKind = Literal[
    "move", "resume", "preview", "enter", "backfill", "dates", "occurrence", "segment", "check",
    "import", "export", "undo", "erase", "repair", "retry",
    "attribution",
]  # fmt: skip

STOP_ACTIVITY: Final = "stop_job"
"""Records that a job was cancelled in Temporal; the same for every kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """One kind of job, with its names in Temporal's histories."""

    workflow: str
    """The workflow type."""
    page_activity: str
    """The activity that works through the next page and says whether there is more."""
    subject: str
    """What one job does, for a person; `{journey}`, `{version}` and `{subject}` are the job's."""


JOBS: Final[Mapping[JobKind, JobDefinition]] = {
    "move": JobDefinition(
        workflow="Move",
        page_activity="move_page",
        subject="move {journey} to version {version}",
    ),
    "resume": JobDefinition(
        workflow="Resume",
        page_activity="resume_page",
        subject="wake the held sends of {journey}",
    ),
    "preview": JobDefinition(
        workflow="Preview",
        page_activity="preview_page",
        subject="preview the move of {journey} to version {version}",
    ),
    "enter": JobDefinition(
        workflow="Enter",
        page_activity="enter_page",
        subject="enter contacts into {journey}: {subject}",
    ),
    "backfill": JobDefinition(
        workflow="Backfill",
        page_activity="backfill_page",
        subject="backfill {journey}: {subject}",
    ),
    "erase": JobDefinition(
        workflow="Erase",
        page_activity="erase_page",
        subject="remove what is left of an erased contact",
    ),
    "dates": JobDefinition(
        workflow="PlanDates",
        page_activity="plan_dates_page",
        subject="set the dates of {journey}",
    ),
    "occurrence": JobDefinition(
        workflow="EnterOccurrence",
        page_activity="enter_occurrence_page",
        subject="enter {journey} at {subject}",
    ),
    "import": JobDefinition(
        workflow="Import",
        page_activity="import_page",
        subject="import {subject}",
    ),
    "export": JobDefinition(
        workflow="Export",
        page_activity="export_page",
        subject="export {subject}",
    ),
    "undo": JobDefinition(
        workflow="Undo",
        page_activity="undo_page",
        subject="undo the {subject}",
    ),
    "segment": JobDefinition(
        workflow="FillSegment",
        page_activity="fill_segment_page",
        subject="fill the segment {subject}",
    ),
    "repair": JobDefinition(
        workflow="RepairRuns",
        page_activity="repair_page",
        subject="repair runs: {subject}",
    ),
    "retry": JobDefinition(
        workflow="RetrySends",
        page_activity="retry_page",
        subject="retry sends: {subject}",
    ),
    "attribution": JobDefinition(
        workflow="Attribute",
        page_activity="attribution_page",
        subject="attribute conversions of {subject}",
    ),
    "check": JobDefinition(
        workflow="CheckSegments",
        page_activity="check_segments_page",
        subject="compare the members of segments with their conditions",
    ),
}

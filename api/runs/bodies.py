"""Bodies of the API about runs: a run, its visits, and its goal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, WithJsonSchema

from api.http.times import format_time
from journeys.protocol.names import workflow_id
from store.repairs.run_repairs import RepairRow
from store.reports.run_listing import ListedRun, ListedVisit, RunListing, ShownRun
from store.tables.messages import MessageState
from store.tables.repairs import RepairAction
from store.tables.runs import RunState

TimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Number = Annotated[int | float, WithJsonSchema({"type": "number"})]
"""A whole number is written without a fraction."""


class RunBody(BaseModel):
    """A run, and the step it is at."""

    id: UUID
    workflow_id: str
    journey: str
    version: int
    contact: str
    state: RunState
    step: str | None
    outcome: str | None
    reason: str | None
    started_at: TimeText
    ended_at: TimeText | None


class MessageBody(BaseModel):
    """The message of a visit, and what came of its last attempt."""

    state: MessageState
    attempts: int
    code: str | None
    """Why the last attempt did not succeed."""
    detail: str | None
    """The provider's words, which may name an address."""
    provider: str | None
    """The provider of the last attempt."""
    provider_id: str | None


class RetryBody(BaseModel):
    """A send that is tried again: what its last attempt came to, and when the next one is due."""

    attempts: int
    code: str | None
    detail: str | None
    next_at: TimeText | None


class VisitBody(BaseModel):
    """A run at a step, with the facts of its decision."""

    step: str
    kind: str
    visit: int
    outcome: str | None
    started_at: TimeText
    ended_at: TimeText | None
    message_id: UUID | None
    facts: dict[str, Any]
    due_at: TimeText | None
    held: str | None
    message: MessageBody | None
    retry: RetryBody | None
    """Null unless the run stands until the next attempt."""


class GoalBody(BaseModel):
    """When the run's goal was met, and its value; both null until it is met."""

    met_at: TimeText | None
    value: Number | None


class RepairBody(BaseModel):
    """An operator's change of the course of a run: who made it, and why."""

    run: UUID
    action: RepairAction
    visit: int
    """The run's newest visit at that time; 0 before the first."""
    step: str | None
    """That visit's step."""
    to: str | None
    """The step that the run went to."""
    reason: str
    by: str
    """The name of the API key, or its scope."""
    at: TimeText
    job: UUID | None = None
    """In the answer to a retry: the job that sends the message again."""


class RunDetail(RunBody):
    """A run with its visits and its repairs, in their order."""

    goal: GoalBody | None
    """Null: it has none, or its entry lacks a property that the goal refers to."""
    visits: list[VisitBody]
    repairs: list[RepairBody]


class RunPage(BaseModel):
    """Runs, the newest first."""

    items: list[RunBody]
    next: str | None


def run_page(listing: RunListing) -> dict[str, Any]:
    """A page of runs as JSON."""
    page = RunPage(
        items=[RunBody(**run_body(run)) for run in listing.items],
        next=str(listing.next) if listing.next is not None else None,
    )
    return page.model_dump(mode="json")


def run_detail(shown: ShownRun) -> dict[str, Any]:
    """A run with its visits as JSON."""
    goal = None
    if shown.goal is not None:
        goal = GoalBody(met_at=_instant(shown.goal.met_at), value=shown.goal.value)
    detail = RunDetail(
        **run_body(shown.run),
        goal=goal,
        visits=[_visit(visit) for visit in shown.visits],
        repairs=[repair_body(repair) for repair in shown.repairs],
    )
    return detail.model_dump(mode="json")


def repair_body(repair: RepairRow, *, job: UUID | None = None) -> RepairBody:
    """A repair as JSON shows it; `job` is the one that does it."""
    return RepairBody(
        run=repair.run_id,
        action=repair.action,
        visit=repair.visit,
        step=repair.step,
        to=repair.target,
        reason=repair.reason,
        by=repair.made_by,
        at=format_time(repair.made_at),
        job=job,
    )


def run_body(run: ListedRun) -> dict[str, Any]:
    """The fields of a run as JSON shows them."""
    return {
        "id": run.id,
        "workflow_id": workflow_id(run.journey, run.id),
        "journey": run.journey,
        "version": run.version,
        "contact": run.contact,
        "state": run.state,
        "step": run.step,
        "outcome": run.outcome,
        "reason": run.reason,
        "started_at": _instant(run.started_at),
        "ended_at": _instant(run.ended_at),
    }


def _visit(visit: ListedVisit) -> VisitBody:
    return VisitBody(
        step=visit.step,
        kind=visit.kind,
        visit=visit.visit,
        outcome=visit.outcome,
        started_at=format_time(visit.started_at),
        ended_at=_instant(visit.ended_at),
        message_id=visit.message_id,
        facts=visit.facts,
        due_at=_instant(visit.due_at),
        held=visit.held,
        message=_message(visit),
        retry=_retry(visit),
    )


def _message(visit: ListedVisit) -> MessageBody | None:
    if visit.state is None or visit.attempts is None:
        return None
    return MessageBody(
        state=visit.state,
        attempts=visit.attempts,
        code=visit.code,
        detail=visit.detail,
        provider=visit.provider,
        provider_id=visit.provider_id,
    )


def _retry(visit: ListedVisit) -> RetryBody | None:
    if visit.held != "retry" or visit.outcome is not None or visit.attempts is None:
        return None
    return RetryBody(
        attempts=visit.attempts,
        code=visit.code,
        detail=visit.detail,
        next_at=_instant(visit.due_at),
    )


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)

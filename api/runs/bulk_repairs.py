"""Repair of many runs: a preview in words, then a job that repairs each of them once."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.operations.jobs import JobBody, job_body
from api.runs.repair_words import effect_words
from api.services import Services, UsedServices
from dispatch.jobs import start_job
from journeys.model.unions import closest_match
from journeys.protocol.deferrals import DeferralReason
from journeys.protocol.jobs import JobKind
from store.contacts.rows import find_contacts
from store.definitions.journeys import read_live, steps_of_versions
from store.operations.audit import Actor, record_audit
from store.operations.jobs import create_job, read_job, set_total
from store.repairs.item_repairs import RATE, RepairPlan
from store.repairs.run_repairs import REASON_LIMIT
from store.repairs.run_selection import (
    MOST_RUNS,
    ChosenRun,
    RunFilter,
    choose_runs,
    count_runs,
    count_unknown,
    sample_runs,
)
from store.sql import Connection
from store.tables.repairs import RepairAction

router = APIRouter(
    prefix="/v1",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

_LISTED: Final = 10_000
"""Runs, or contacts, that are named one by one, at most."""
_SAMPLE: Final = 20
_REASON = StringConstraints(min_length=1, max_length=REASON_LIMIT, pattern=r"\S")
_RunId = Annotated[UUID, Field(strict=False)]
_StepId = Annotated[str, Field(min_length=1, max_length=64)]


class BulkRepair(StrictBody):
    """What is done with which runs, and why. The runs meet all that is given."""

    action: RepairAction
    reason: Annotated[str, _REASON]
    journey: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    runs: Annotated[list[_RunId], Field(min_length=1, max_length=_LISTED)] | None = None
    contacts: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=500)]],
            Field(min_length=1, max_length=_LISTED),
        ]
        | None
    ) = None
    """External ids, or ids of ours."""
    step: _StepId | None = None
    """The step at which they are; of a retry also that of messages whose step has ended."""
    code: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Why the last attempt at their send did not succeed."""
    held: DeferralReason | None = None
    """Why their send is deferred."""
    since: Instant | None = None
    """They came to their step then or later; messages failed then or later."""
    target: _StepId | None = None
    """Of `goto`: the step to which they go."""
    may_arrive_twice: bool = False
    """Of `retry`: send messages again, too, that the provider may have taken (`unknown`)."""
    rate: Annotated[float, Field(gt=0, le=1_000)] = RATE
    """Runs per second."""
    limit: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = None
    """The first so many of them, by their ids. Without it all are meant."""
    dry_run: bool = False
    """Repair nothing, and say what would be done."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.journey is None and self.runs is None and self.contacts is None:
            raise ValueError("say which runs: `journey`, `runs` or `contacts`")
        if (self.action == "goto") != (self.target is not None):
            raise ValueError("`target` is the step of the action `goto`, which needs it")
        if self.may_arrive_twice and self.action != "retry":
            raise ValueError("`may_arrive_twice` goes with the action `retry`")
        return self


class ShownRun(BaseModel):
    """One of the runs that are meant."""

    run: UUID
    journey: str
    contact: str
    step: str | None
    visit: int
    held: str | None
    code: str | None


class RepairPreview(BaseModel):
    """What a repair would do now."""

    words: str
    count: int
    """The runs, or messages, that are meant; 100,000 at most."""
    more: bool
    """Whether there are more of them than `count`: give a `limit`, or narrow it."""
    unknown: int
    """Messages that may have arrived, which are among them only with `may_arrive_twice`."""
    approval: bool
    """Whether another key must approve it."""
    sample: list[ShownRun]
    """The first 20 of them."""


@router.post(
    "/runs/bulk",
    status_code=202,
    summary="Repair many runs",
    response_model=JobBody,
    responses={
        **responses(404, 409, 422),
        200: {"model": RepairPreview, "description": "With `dry_run`: what a repair would do"},
        202: {"model": JobBody, "description": "The job, which may wait for an approval"},
    },
)
async def post_bulk(order: BulkRepair, services: UsedServices, actor: UsedActor) -> Any:
    """Retry, skip, move on, end or cancel the runs that meet all conditions, by a job.

    The runs are chosen now. One that has gone on when its turn comes is left alone, and counted in
    the job's `result`. Above `PARCOURS_APPROVAL_ABOVE` runs the job stands `waiting` until another
    key approves it.
    """
    async with services.pool.connection() as conn:
        chosen = await _filter(conn, order)
        if order.dry_run:
            preview = await _preview(conn, services, order, chosen)
            return JSONResponse(preview.model_dump(mode="json"))
        async with conn.transaction():
            job_id, waiting = await _begin(conn, services, actor, order, chosen)
        if not waiting:
            await start_job(conn, services.temporal, job_id)
        job = await read_job(conn, job_id)
    assert job is not None
    return job_body(job)


async def _begin(
    conn: Connection, services: Services, actor: Actor, order: BulkRepair, chosen: RunFilter
) -> tuple[UUID, bool]:
    """The job with its runs, and whether it waits for an approval. Raises Problem."""
    plan = RepairPlan(
        order.action,
        order.reason.strip(),
        key_id=actor.key_id,
        target=order.target,
        unknown=order.may_arrive_twice,
        rate=order.rate,
    )
    kind: JobKind = "retry" if order.action == "retry" else "repair"
    job_id = await create_job(
        conn,
        kind,
        order.journey,
        subject=_subject(order),
        plan=plan.as_json(),
        total=0,
        result={},
        key_id=actor.key_id,
    )
    total = await choose_runs(conn, job_id, chosen, order.limit or MOST_RUNS + 1)
    if total > MOST_RUNS:
        raise Problem(
            409,
            "too_many",
            f"more than {MOST_RUNS:,} runs are meant: narrow them by step, code or contacts, or"
            " give a `limit` and repeat the repair",
        )
    if total == 0:
        if _means_messages(order) and await count_unknown(conn, chosen, 1):
            raise Problem(
                409,
                "unconfirmed",
                "the provider may have taken all of these messages, so they may arrive twice:"
                " confirm that with `may_arrive_twice: true`",
            )
        raise Problem(409, "no_runs", "no run meets these conditions")
    waiting = services.approval_above is not None and total > services.approval_above
    await set_total(conn, job_id, total, waiting=waiting)
    await record_audit(
        conn,
        actor,
        "run.repair",
        f"job:{job_id}",
        after={"does": _subject(order), "runs": total, "code": order.code, "held": order.held},
        reason=plan.reason,
        journey=order.journey,
    )
    return job_id, waiting


async def _preview(
    conn: Connection, services: Services, order: BulkRepair, chosen: RunFilter
) -> RepairPreview:
    count = await count_runs(conn, chosen, order.limit or MOST_RUNS + 1)
    unknown = await count_unknown(conn, chosen) if _means_messages(order) else 0
    sample = await sample_runs(conn, chosen, min(_SAMPLE, order.limit or _SAMPLE))
    more = count > MOST_RUNS
    count = min(count, MOST_RUNS)
    above = services.approval_above
    return RepairPreview(
        words=effect_words(
            order.action,
            count,
            more=more,
            journey=order.journey,
            step=order.step,
            target=order.target,
            rate=order.rate,
            unknown=unknown,
            may_arrive_twice=order.may_arrive_twice,
            approval_above=above,
        ),
        count=count,
        more=more,
        unknown=unknown,
        approval=above is not None and count > above,
        sample=[_shown(each) for each in sample],
    )


async def _filter(conn: Connection, order: BulkRepair) -> RunFilter:
    """Which runs are meant. Raises Problem for what does not exist."""
    if order.journey is not None:
        if await read_live(conn, order.journey) is None:
            raise Problem(404, "unknown_journey", f"there is no journey {order.journey!r}")
        known = await steps_of_versions(conn, order.journey)
        for name in ("step", "target"):
            step = getattr(order, name)
            if step is not None and step not in known:
                near = closest_match(step, sorted(known))
                raise Problem(
                    422,
                    "unknown_step",
                    f"{name}: no version of {order.journey} has a step `{step}`"
                    + (f"; did you mean `{near}`?" if near else ""),
                )
    contacts: list[UUID] | None = None
    if order.contacts is not None:
        found = await find_contacts(conn, order.contacts)
        unknown = next((each for each in order.contacts if each not in found), None)
        if unknown is not None:
            raise Problem(404, "unknown_contact", f"there is no contact {unknown!r}")
        contacts = sorted(set(found.values()))
    return RunFilter(
        action=order.action,
        journey=order.journey,
        runs=order.runs,
        contacts=contacts,
        step=order.step,
        held=order.held,
        code=order.code,
        since=order.since,
        unknown=order.may_arrive_twice,
    )


def _means_messages(order: BulkRepair) -> bool:
    """Whether messages are meant whose step has ended; one that is held has not."""
    return order.action == "retry" and order.held is None


def _subject(order: BulkRepair) -> str:
    """What the job does, without anything about a person: "skip crm of hooks"."""
    at = f" {order.step}" if order.step else ""
    to = f" to {order.target}" if order.target else ""
    of = f" of {order.journey}" if order.journey else " of named runs"
    return f"{order.action}{at}{to}{of}"


def _shown(run: ChosenRun) -> ShownRun:
    return ShownRun(
        run=run.run_id,
        journey=run.journey,
        contact=run.contact,
        step=run.step,
        visit=run.visit,
        held=run.held,
        code=run.code,
    )

"""Routes of jobs: long work on many contacts or runs, and its progress."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.paging import Cursor, Limit, cursor_id, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from api.versions.preview import Preview, preview_of_job
from dispatch.jobs import cancel_job, start_job
from journeys.protocol.jobs import JobKind
from journeys.protocol.names import job_workflow_id
from store.contacts.rows import external_ids
from store.operations.audit import Actor, record_audit
from store.operations.audit_actions import ActionName
from store.operations.jobs import (
    JobRow,
    approve_job,
    list_jobs,
    pause_job,
    read_job,
    read_result,
    set_aside_runs,
)
from store.repairs.job_items import list_items
from store.tables.operations import JobState
from store.tables.repairs import RepairItemState

router = APIRouter(
    prefix="/v1",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading=("read", "edit")))],
)

JobId = Annotated[UUID, Path()]
_SET_ASIDE_LIMIT = 100
_DIGITS = 9
_OF_CONTACTS = ("sample", "unknown_contacts")
"""What names contacts in the results of jobs: shown to keys that may read them."""


class JobBody(BaseModel):
    """A job and its progress."""

    id: UUID
    kind: JobKind
    workflow_id: str
    journey: str | None
    """None: the job is not about one journey."""
    subject: str
    """What else the job is about: the key of a segment, the name of a file."""
    version: int | None
    """The version to which runs move, or whose effect is previewed; None for other jobs."""
    state: JobState
    total: int
    done: int
    moved: int
    kept: int
    failed: int
    """Runs that were set aside because of a fault; `kept` counts them as well."""
    started_at: Instant
    ended_at: Instant | None
    paused_at: Instant | None
    """Since when it is paused; null if it is not."""
    asked_by: UUID | None
    """The id of the key that asked for a repair."""
    approved_by: UUID | None
    """The id of the key that approved it, where that was needed."""
    approved_at: Instant | None


class SetAside(BaseModel):
    """A run that a job set aside because of a fault."""

    run: UUID
    code: str


class JobDetail(JobBody):
    """A job, its progress, and what it has found."""

    set_aside: list[SetAside]
    """The first 100 runs that it set aside; their faults say why."""
    preview: Preview | None
    """What a job of the kind `preview` has found, once it is done."""
    result: dict[str, Any] | None
    """What a job of another kind has done so far, in the shape of its kind."""


class ItemBody(BaseModel):
    """A run that a job repairs, or a message of it."""

    run: UUID
    visit: int
    """The visit at which it was chosen; 0: it is meant wherever it is."""
    state: RepairItemState
    """`left` alone because of its code, or `failed` by it; `sending` while its message is sent."""
    code: str | None
    contact: str | None
    """Null if it was erased."""
    since: str | None
    """The state of the visit's message now; without one its outcome, or why it is held."""


class ItemPage(BaseModel):
    """A page of the runs of a job, in the order of their ids."""

    items: list[ItemBody]
    next: str | None


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    items: list[JobBody]
    next: str | None


@router.get("/jobs/{job_id}", summary="Read a job", responses=responses(404, 422))
async def get_job(job_id: JobId, services: UsedServices, key: UsedKey) -> JobDetail:
    """A job and its progress; a preview that is done names contacts to keys that may read them."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
        if job is None:
            raise _unknown(job_id)
        aside = await set_aside_runs(conn, job_id, _SET_ASIDE_LIMIT)
        found = await preview_of_job(conn, job, with_contacts=key.includes("read"))
        result = None if job.kind == "preview" else await read_result(conn, job_id)
        if result is not None and not key.includes("read"):
            result = {name: value for name, value in result.items() if name not in _OF_CONTACTS}
        elif result is not None and "sample" in result:
            sample = await external_ids(conn, [UUID(each) for each in result["sample"]])
            result = {**result, "sample": sample}
    return JobDetail(
        **job_body(job).model_dump(),
        set_aside=[SetAside(run=run_id, code=code) for run_id, code in aside],
        preview=found,
        result=result,
    )


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job", responses=responses(404, 409, 422))
async def post_cancel(job_id: JobId, services: UsedServices, actor: UsedActor) -> JobBody:
    """Stop a job that is running, for good. What it has done stays done.

    No run is moved after the answer. A job that was stopped before stays so.
    """
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
        if job is not None and job.kind == "erase":
            raise Problem(
                409, "wrong_state", "an erasure cannot be undone, so it goes on to its end"
            )
        job = await cancel_job(conn, services.temporal, job_id, actor)
    if job is None:
        raise _unknown(job_id)
    if job.state != "stopped":
        raise Problem(409, "wrong_state", f"the job has ended: it is {job.state}")
    return job_body(job)


@router.post("/jobs/{job_id}/pause", summary="Pause a job", responses=responses(404, 409, 422))
async def post_pause(job_id: JobId, services: UsedServices, actor: UsedActor) -> JobBody:
    """Let a running job rest before its next page, until it is resumed."""
    return await _pause(services, actor, job_id, paused=True)


@router.post("/jobs/{job_id}/resume", summary="Resume a job", responses=responses(404, 409, 422))
async def post_resume(job_id: JobId, services: UsedServices, actor: UsedActor) -> JobBody:
    """Let a paused job go on, within half a minute. One that is at work goes on as it is."""
    return await _pause(services, actor, job_id, paused=False)


async def _pause(services: UsedServices, actor: Actor, job_id: UUID, *, paused: bool) -> JobBody:
    async with services.pool.connection() as conn, conn.transaction():
        changed = await pause_job(conn, job_id, paused=paused)
        job = await read_job(conn, job_id)
        if changed and job is not None:
            action: ActionName = "job.pause" if paused else "job.resume"
            after = {"kind": job.kind}
            await record_audit(
                conn, actor, action, f"job:{job_id}", after=after, journey=job.journey
            )
    if job is None:
        raise _unknown(job_id)
    if job.state == "waiting":
        raise Problem(409, "wrong_state", "the job has not begun: it waits for an approval")
    if job.state != "running":
        raise Problem(409, "wrong_state", f"the job has ended: it is {job.state}")
    return job_body(job)


@router.post("/jobs/{job_id}/approve", summary="Approve a job", responses=responses(404, 409, 422))
async def post_approve(job_id: JobId, services: UsedServices, actor: UsedActor) -> JobBody:
    """Let a job begin that waits for the approval of another key than the one that asked for it.

    Repeating it changes nothing.
    """
    async with services.pool.connection() as conn:
        async with conn.transaction():
            approved = await approve_job(conn, job_id, actor.key_id)
            if approved:
                await record_audit(
                    conn,
                    actor,
                    "job.approve",
                    f"job:{job_id}",
                    before={"state": "waiting"},
                    after={"state": "running"},
                )
        if approved:
            await start_job(conn, services.temporal, job_id)
        job = await read_job(conn, job_id)
    if job is None:
        raise _unknown(job_id)
    if job.state == "waiting":
        raise Problem(
            409, "same_key", "the key that asked for the job cannot approve it: another one must"
        )
    if not approved and job.approved_by is None:
        raise Problem(409, "wrong_state", f"the job waits for no approval: it is {job.state}")
    return job_body(job)


@router.get(
    "/jobs/{job_id}/items",
    summary="List the runs of a repair",
    responses=responses(400, 404, 422),
)
async def get_items(
    job_id: JobId,
    services: UsedServices,
    state: Annotated[RepairItemState | None, Query()] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> ItemPage:
    """The runs that a job of the kinds `repair` and `retry` is for, and what came of each."""
    after = _place(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if await read_job(conn, job_id) is None:
            raise _unknown(job_id)
        items = await list_items(conn, job_id, state, after, limit + 1)
    page, following = page_of(items, limit, lambda item: f"{item.run_id}.{item.visit}")
    return ItemPage(
        items=[
            ItemBody(
                run=item.run_id,
                visit=item.visit,
                state=item.state,
                code=item.code,
                contact=item.contact,
                since=item.since,
            )
            for item in page
        ],
        next=following,
    )


def _place(cursor: str) -> tuple[UUID, int]:
    run, _, visit = cursor.partition(".")
    if not (visit.isascii() and visit.isdigit() and len(visit) <= _DIGITS):
        raise unknown_cursor(cursor)
    return cursor_id(run), int(visit)


@router.get("/jobs", summary="List jobs", responses=responses(422))
async def get_jobs(
    services: UsedServices,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[JobKind | None, Query()] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> JobPage:
    """The jobs of one journey or of all, and of one kind or of all, newest first."""
    before = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if before is not None and await read_job(conn, before) is None:
            raise unknown_cursor(cursor)
        jobs = await list_jobs(conn, journey, before, limit + 1, kind=kind)
    page, following = page_of(jobs, limit, lambda job: str(job.id))
    return JobPage(items=[job_body(job) for job in page], next=following)


def _unknown(job_id: UUID) -> Problem:
    return Problem(404, "unknown_job", f"there is no job {job_id}")


def job_body(job: JobRow) -> JobBody:
    """The body for a job of the store."""
    return JobBody(
        id=job.id,
        kind=job.kind,
        workflow_id=job_workflow_id(job.kind, job.id),
        journey=job.journey,
        subject=job.subject,
        version=job.version,
        state=job.state,
        total=job.total,
        done=job.done,
        moved=job.moved,
        kept=job.kept,
        failed=job.failed,
        started_at=job.started_at,
        ended_at=job.ended_at,
        paused_at=job.paused_at if job.state == "running" else None,
        asked_by=job.key_id,
        approved_by=job.approved_by,
        approved_at=job.approved_at,
    )

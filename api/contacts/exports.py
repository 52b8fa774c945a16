"""Routes of exports: a job writes a file, which can be downloaded for a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.operations.jobs import JobBody, job_body
from api.services import Services, UsedServices
from dispatch.jobs import start_job
from store.imports.exports import (
    ExportFormat,
    ExportPlan,
    ExportRefused,
    check_export,
    estimate_contacts,
)
from store.imports.files import make_file, read_chunks, read_file
from store.imports.mapping import What
from store.operations.audit import record_audit
from store.operations.jobs import create_job, read_job

router = APIRouter(
    prefix="/v1",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("admin"))],
)

JobId = Annotated[UUID, Path()]
_PARTS: Final = 8
"""Parts of a file that are read at once."""
_TYPES: Final[dict[ExportFormat, str]] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


class ExportBody(StrictBody):
    """What to export."""

    what: What = "contacts"
    format: ExportFormat = "csv"
    segment: str | None = Field(default=None, max_length=64)
    """Only the members of this segment, as they are when the export comes to them."""
    group: str | None = Field(default=None, max_length=200)
    condition: dict[str, Any] | None = Field(default=None, alias="if")
    """Only the contacts for whom this condition holds."""
    spreadsheet: bool = False
    """Cells that a spreadsheet would take for formulas begin with an apostrophe."""


@router.post(
    "/contacts/export",
    status_code=202,
    summary="Export contacts",
    responses=responses(400, 404, 413, 415, 422),
)
async def post_export(body: ExportBody, services: UsedServices, actor: UsedActor) -> JobBody:
    """Write contacts, groups, topics, suppressions or events into a file, as a job.

    `GET /v1/jobs/{id}/file` downloads it once the job is done. Suppressed addresses are known as
    hashes alone, so these are exported.
    """
    named = [body.segment, body.group, body.condition]
    if sum(each is not None for each in named) > 1:
        raise _refuse("segment, group, if: give one of them")
    if body.what == "suppressions" and any(each is not None for each in named):
        raise _refuse("suppressions belong to no contact: export all of them")
    plan = ExportPlan(
        what=body.what,
        format=body.format,
        segment=body.segment,
        group=body.group,
        condition=body.condition,
        spreadsheet=body.spreadsheet,
    )
    job_id = uuid4()
    async with services.pool.connection() as conn:
        try:
            await check_export(conn, plan)
        except LookupError:
            raise unknown("segment", str(body.segment)) from None
        except ExportRefused as refused:
            raise _refuse(str(refused)) from None
        async with conn.transaction():
            name = f"{body.what}.{body.format}"
            await make_file(conn, job_id, name, _TYPES[body.format])
            await create_job(
                conn,
                "export",
                None,
                job_id=job_id,
                subject=body.what,
                plan=plan.as_json(),
                total=0 if body.segment or body.group or body.condition
                else await estimate_contacts(conn),
            )  # fmt: skip
            after = {
                "what": body.what,
                "format": body.format,
                "segment": body.segment,
                "group": body.group,
                # A condition may hold an address.
                "if": None if body.condition is None else "a condition",
            }
            after = {name: value for name, value in after.items() if value is not None}
            await record_audit(conn, actor, "contact.export", f"job:{job_id}", after=after)
        await start_job(conn, services.temporal, job_id)
        job = await read_job(conn, job_id)
    assert job is not None
    return job_body(job)


def _refuse(message: str) -> Problem:
    return Problem(422, "invalid_export", message)


_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
        "description": "The file",
    }
}


@router.get(
    "/jobs/{job_id}/file",
    summary="Download the file of an export",
    response_class=StreamingResponse,
    responses={**_FILE, **responses(404, 409, 422)},
)
async def get_file(job_id: JobId, services: UsedServices, actor: UsedActor) -> StreamingResponse:
    """The file that an export has written. It is kept for `PARCOURS_KEEP_EXPORTS`."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
        file = await read_file(conn, job_id)
    if job is None or job.kind != "export":
        raise Problem(404, "unknown_job", f"there is no export {job_id}")
    if job.state != "done":
        raise Problem(409, "wrong_state", f"the export is {job.state}, and has no file")
    if file is None:
        raise Problem(404, "unknown_file", "the file of this export is no longer kept")
    async with services.pool.connection() as conn:
        await record_audit(conn, actor, "contact.download", f"job:{job_id}")
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Content-Length": str(file.bytes),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        _parts(services, job_id), media_type=f"{file.media_type}; charset=utf-8", headers=headers
    )


async def _parts(services: Services, job_id: UUID) -> AsyncIterator[bytes]:
    number = 0
    while True:
        # A connection for each few parts: a slow reader must not keep one.
        async with services.pool.connection() as conn:
            parts = await read_chunks(conn, job_id, number, number + _PARTS - 1)
        for part in parts:
            yield part
        if len(parts) < _PARTS:
            return
        number += _PARTS

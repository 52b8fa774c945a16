"""Routes of imports: a file becomes a job, whose report and refused lines can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request

from api.contacts.import_options import ImportOptions, UsedOptions, plan_of, refusal
from api.contacts.import_reports import ImportReport, import_report
from api.contacts.refused_lines import JobId, job_of_kind
from api.coupons.code_files import unpacked
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.problems import Problem, responses
from api.operations.jobs import JobBody, job_body
from api.runs.repair_undo import begin_undo_of_repair
from api.services import Services, UsedServices
from dispatch.jobs import start_job
from store.imports.encodings import EncodingFinder
from store.imports.files import FileWriter, add_chunk, delete_file, finish_file, make_file
from store.imports.files import read_file as read_job_file
from store.imports.jobs import create_import, examples_of, kept_lines
from store.imports.plans import ImportResult
from store.imports.problems import FileRefused
from store.imports.undo import begin_undo, may_be_undone, undo_id
from store.operations.audit import Actor, record_audit
from store.operations.jobs import read_job, read_result

router = APIRouter(
    prefix="/v1",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_KINDS: Final = frozenset(
    {
        "", "text/csv", "text/tab-separated-values", "text/plain", "application/x-ndjson",
        "application/jsonl", "application/x-jsonlines", "application/octet-stream",
        "application/vnd.ms-excel",
    }
)  # fmt: skip
_EXAMPLE: Final = "external_id,email,first_name\n42,ada@example.com,Ada\n"
_BLOCK: Final = 64 * 1024
FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@router.post(
    "/contacts/import",
    status_code=202,
    summary="Import a file",
    responses=responses(400, 413, 415, 422),
    openapi_extra=FILE_BODY,
)
async def import_file(
    request: Request,
    services: UsedServices,
    key: UsedKey,
    actor: UsedActor,
    options: UsedOptions,
) -> ImportReport:
    """Import a file of contacts, groups, topics, suppressions or past events, as a job.

    The body is CSV, whose first line names the columns, or JSON Lines; gzip is unpacked. The
    encoding and the delimiter are found, or given. `dry_run` changes nothing, and shows the first
    ten lines as they would be.
    """
    kind = check_media_type(request)
    job_id = uuid4()
    try:
        return await _receive(request, services, key.source, actor, options, job_id, kind)
    except BaseException:
        async with services.pool.connection() as conn:
            if await read_job(conn, job_id) is None:
                await delete_file(conn, job_id)
        raise


def check_media_type(request: Request) -> str:
    """The media type of a body that may be a file. Raises Problem 415 for any other."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise Problem(
            415,
            "unsupported_type",
            f"Content-Type {kind[:60]}: send the file itself as text/csv or application/x-ndjson",
        )
    return kind


async def _receive(
    request: Request,
    services: Services,
    source: str,
    actor: Actor,
    options: ImportOptions,
    job_id: UUID,
    media_type: str,
) -> ImportReport:
    try:
        finder = EncodingFinder(options.encoding)
        writer = FileWriter(job_id)
        async with services.pool.connection() as conn:
            await make_file(conn, job_id, options.name, media_type)
        received = 0
        pending = bytearray()
        async for block in unpacked(request):
            received += len(block)
            if received > services.import_limit:
                raise _oversize(services.import_limit)
            pending += block
            if len(pending) >= _BLOCK:
                await _store(services, job_id, writer.take(finder.take(bytes(pending))))
                pending.clear()
        await _store(services, job_id, writer.take(finder.take(bytes(pending), final=True)))
        await _store(services, job_id, writer.end())
        plan = plan_of(options, writer, finder.encoding, source)
    except FileRefused as refused:
        raise refusal(str(refused)) from None
    async with services.pool.connection() as conn:
        async with conn.transaction():
            await finish_file(conn, job_id, size=writer.size, lines=writer.lines)
            file = await read_job_file(conn, job_id)
            assert file is not None
            await create_import(conn, file, plan)
            if not plan.dry_run:
                after = {"what": plan.what, "mode": plan.mode, "lines": writer.lines}
                await record_audit(conn, actor, "contact.import", f"job:{job_id}", after=after)
        await start_job(conn, services.temporal, job_id)
        job = await read_job(conn, job_id)
    assert job is not None
    return import_report(job, file, ImportResult(), [], {})


def _oversize(limit: int) -> Problem:
    return Problem(
        413, "oversize", f"the file is larger than {limit:,} bytes: send it in parts, or raise"
        " PARCOURS_IMPORT_LIMIT",
    )  # fmt: skip


async def _store(services: Services, job_id: UUID, parts: Sequence[tuple[int, bytes]]) -> None:
    for number, part in parts:
        # A connection for each part: a slow client must not keep one.
        async with services.pool.connection() as conn:
            await add_chunk(conn, job_id, number, part)


@router.get(
    "/jobs/{job_id}/import", summary="Read the report of an import", responses=responses(404, 422)
)
async def getimport_report(job_id: JobId, services: UsedServices) -> ImportReport:
    """The columns of an import, its counts, and of a dry run the first lines as they would be."""
    async with services.pool.connection() as conn:
        job = await job_of_kind(services, job_id, "import")
        file = await read_job_file(conn, job_id)
        result = ImportResult.from_json(await read_result(conn, job_id))
        sample = await kept_lines(conn, job_id, ["sample"], (0, -1), 100)
        examples = await examples_of(conn, job_id)
    return import_report(job, file, result, sample, examples)


@router.post(
    "/jobs/{job_id}/undo",
    status_code=202,
    summary="Undo an import, or a repair of many runs",
    responses=responses(404, 409, 422),
)
async def post_undo(job_id: JobId, services: UsedServices, actor: UsedActor) -> JobBody:
    """Undo an import, as a job, as far as nothing has built on it.

    Contacts that it created and that have done nothing since are removed; values that it set and
    that are still the same are as before; its events and suppressions go. What stays is listed
    with reasons. There is one such job for an import: asking again answers with it.

    Of a repair that skipped a step, or sent runs to another, those runs go back to their step that
    still stand where it has put them.
    """
    async with services.pool.connection() as conn:
        repair = await read_job(conn, job_id)
    if repair is not None and repair.kind == "repair":
        return await begin_undo_of_repair(services, actor, repair)
    async with services.pool.connection() as conn:
        job = await job_of_kind(services, job_id, "import")
        reason = may_be_undone(job)
        if reason is not None:
            raise Problem(409, "wrong_state", reason)
        async with conn.transaction():
            new = await read_job(conn, undo_id(job.id)) is None
            undo = await begin_undo(conn, job)
            if undo is not None and new:
                after = {"job": undo}
                await record_audit(conn, actor, "job.undo", f"job:{job_id}", after=after)
        if undo is None:
            raise Problem(409, "wrong_state", "what the import has changed is no longer kept")
        await start_job(conn, services.temporal, undo)
        begun = await read_job(conn, undo)
    assert begun is not None
    return job_body(begun)

"""Routes of imports: a file becomes a job, whose report and refused lines can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

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
from journeys.model.contact_fields import check_timezone
from journeys.model.identifiers import find_id_flaw
from store.events.effect_events import ENGINE
from store.imports.encodings import EncodingFinder
from store.imports.files import FileRow, FileWriter, add_chunk, delete_file, finish_file, make_file
from store.imports.files import read_file as read_job_file
from store.imports.jobs import KeptLine, create_import, examples_of, kept_lines
from store.imports.mapping import Column, What, map_columns, parse_target
from store.imports.plans import By, ImportPlan, ImportResult, Mode
from store.imports.presets import PresetName
from store.imports.problems import FileRefused
from store.imports.records import DELIMITERS, WINDOW, open_records
from store.imports.undo import begin_undo, may_be_undone, undo_id
from store.operations.audit import Actor, record_audit
from store.operations.jobs import JobRow, read_job, read_result

router = APIRouter(
    prefix="/v1",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_MAP_LIMIT: Final = 32 * 1024
_NAME_LIMIT: Final = 200
_KINDS: Final = frozenset(
    {
        "", "text/csv", "text/tab-separated-values", "text/plain", "application/x-ndjson",
        "application/jsonl", "application/x-jsonlines", "application/octet-stream",
        "application/vnd.ms-excel",
    }
)  # fmt: skip
_NEEDS: Final[dict[What, tuple[str, ...]]] = {
    "contacts": (),
    "groups": ("group",),
    "topics": ("topic",),
    "suppressions": (),
    "events": ("event", "timestamp"),
}
"""The columns that a file of each kind must have."""
_EXAMPLE: Final = "external_id,email,first_name\n42,ada@example.com,Ada\n"


class ColumnBody(BaseModel):
    """A column, and what is done with it."""

    name: str
    target: str
    """A field, an attribute (`attributes.plan`), `groups`, …; `-`: it is left out."""
    type: str
    how: str
    """`given` by the mapping, of a `preset`, `automatic` by its name, or under its `own_name`."""


class ReasonBody(BaseModel):
    """A reason why lines, or values of them, were not imported."""

    code: str
    count: int
    lines: list[int]
    """The first of them."""
    example: str


class SampleRow(BaseModel):
    """A line as it would be."""

    line: int
    row: dict[str, Any]


class ImportReport(BaseModel):
    """What an import does, and what it has done, or what a dry run would do."""

    job: JobBody
    what: str
    dry_run: bool
    file: str | None
    """The name of the file, as it was sent; null once it has been forgotten."""
    format: str
    encoding: str
    delimiter: str | None
    """Of CSV."""
    columns: list[ColumnBody]
    """Empty for JSON Lines, whose lines name their own."""
    preset: str | None
    preset_verified: bool
    """False: the preset was made from public knowledge, and not tried on an export. Look here at
    what it made of each column."""
    created: int
    updated: int
    unchanged: int
    refused: int
    left_out: int
    """Values that were left out of lines that were imported."""
    events: int
    repeated: int
    suppressed: int
    known: int
    joined: int
    consents: int
    reasons: list[ReasonBody]
    sample: list[SampleRow]
    """Of a dry run: the first ten lines as they would be."""


class ImportOptions:
    """The options of an import, as the query gives them."""

    def __init__(
        self,
        what: Annotated[What, Query()] = "contacts",
        mode: Annotated[Mode, Query()] = "merge",
        by: Annotated[By, Query()] = "external_id",
        dry_run: bool = False,
        preset: Annotated[PresetName | None, Query()] = None,
        mapping: Annotated[
            str | None,
            Query(
                alias="map",
                max_length=_MAP_LIMIT,
                description='JSON, as in `{"E-mail": "email"}`',
            ),
        ] = None,
        group: Annotated[list[str] | None, Query(max_length=20)] = None,
        empty: Annotated[str, Query(pattern="^(keep|remove)$")] = "keep",
        timezone: Annotated[str | None, Query(max_length=100)] = None,
        source: Annotated[str | None, Query(max_length=64)] = None,
        encoding: Annotated[str | None, Query(max_length=40)] = None,
        delimiter: Annotated[str | None, Query(min_length=1, max_length=4)] = None,
        begin_journeys: bool = False,
        rate: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
        name: Annotated[str, Query(max_length=_NAME_LIMIT)] = "",
    ) -> None:
        self.what: What = what
        self.mode: Mode = mode
        self.by: By = by
        self.dry_run = dry_run
        self.preset: PresetName | None = preset
        self.map = _parse_map(mapping)
        self.groups = tuple(group or ())
        self.empty = empty
        self.timezone = timezone
        self.source = source
        self.encoding = encoding
        self.delimiter = _parse_delimiter(delimiter)
        self.begin_journeys = begin_journeys
        self.rate = rate
        self.name = name
        self._check()

    def _check(self) -> None:
        for group in self.groups:
            flaw = "must be shorter" if len(group) > _NAME_LIMIT else find_id_flaw(group)
            if flaw is not None:
                raise _refuse(f"group: {flaw}")
        if self.groups and self.what != "contacts":
            raise _refuse("group: is of files of contacts")
        if self.timezone is not None:
            try:
                ZoneInfo(check_timezone(self.timezone))
            except ValueError as error:
                raise _refuse(f"timezone: {error}") from None
        if self.source is not None and (
            self.source == ENGINE or find_id_flaw(self.source) is not None
        ):
            raise _refuse(f"source: {self.source!r} cannot be one")
        if self.begin_journeys and self.what not in ("contacts", "groups", "topics"):
            raise _refuse(f"begin_journeys: {self.what} begin nothing")


def _parse_map(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refuse(f"map: is not JSON: {error.msg}") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise _refuse('map: must be JSON such as {"E-mail address": "email"}')
    return found


def _parse_delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    sign = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(sign) != 1 or sign.isalnum() or sign in "\r\n\"'":
        raise _refuse(f"delimiter: must be one sign, such as one of {DELIMITERS!r}")
    return sign


UsedOptions = Annotated[ImportOptions, Depends()]
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"external_id": "42", "email": "ada@example.com"}\n',
            },
        },
    }
}


@router.post(
    "/contacts/import",
    status_code=202,
    summary="Import a file",
    responses=responses(400, 413, 415, 422),
    openapi_extra=_BODY,
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
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise Problem(
            415,
            "unsupported_type",
            f"Content-Type {kind[:60]}: send the file itself as text/csv or application/x-ndjson",
        )
    job_id = uuid4()
    try:
        return await _receive(request, services, key.source, actor, options, job_id, kind)
    except BaseException:
        async with services.pool.connection() as conn:
            if await read_job(conn, job_id) is None:
                await delete_file(conn, job_id)
        raise


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
        plan = _plan(options, writer, finder.encoding, source)
    except FileRefused as refused:
        raise _refuse(str(refused)) from None
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
    return _report(job, file, ImportResult(), [], {})


_BLOCK: Final = 64 * 1024


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


def _plan(options: ImportOptions, writer: FileWriter, encoding: str, source: str) -> ImportPlan:
    """The plan of the job. Raises FileRefused."""
    opening = open_records(
        writer.first[:WINDOW],
        encoding,
        final=writer.size <= WINDOW,
        delimiter=options.delimiter,
    )
    columns = None
    if opening.columns is None:
        for name, target in options.map.items():
            parse_target(name, target, options.what)
    else:
        columns = tuple(
            map_columns(opening.columns, options.what, given=options.map, preset=options.preset)
        )
        _check_columns(columns, options)
    return ImportPlan(
        what=options.what,
        dialect=opening.dialect,
        columns=columns,
        start=opening.place,
        mode=options.mode,
        by=options.by,
        map=options.map,
        preset=options.preset,
        dry_run=options.dry_run,
        empty="remove" if options.empty == "remove" else "keep",
        timezone=options.timezone,
        source=options.source or source,
        begin_journeys=options.begin_journeys,
        groups=options.groups,
        rate=options.rate,
    )


def _check_columns(columns: Sequence[Column], options: ImportOptions) -> None:
    targets = {column.target for column in columns}
    shown = ", ".join(column.name for column in columns[:10]) + (", …" if len(columns) > 10 else "")
    for needed in _NEEDS[options.what]:
        if needed not in targets:
            raise FileRefused(f"map: no column is the {needed}, of: {shown}")
    if options.what == "suppressions":
        if not targets & {"address", "address_hash"}:
            raise FileRefused(f"map: no column is the address, or an address_hash, of: {shown}")
        return
    ids = {"external_id", "parcours_id"} if options.by == "external_id" else {options.by}
    if not targets & ids:
        advice = " (or import `by=email`)" if "email" in targets else ""
        raise FileRefused(
            f"map: no column is the {options.by} of the contacts{advice}, of: {shown}"
        )


def _refuse(message: str) -> Problem:
    return Problem(422, "invalid_import", message)


def _report(
    job: JobRow,
    file: FileRow | None,
    result: ImportResult,
    sample: Sequence[KeptLine],
    examples: Mapping[str, str],
) -> ImportReport:
    plan = ImportPlan.from_json(job.plan)
    counts = {name: getattr(result, name) for name in ImportResult.__slots__ if name != "reasons"}
    return ImportReport(
        job=job_body(job),
        what=plan.what,
        dry_run=plan.dry_run,
        file=None if file is None else file.name,
        format=plan.dialect.format,
        encoding=plan.dialect.encoding,
        delimiter=plan.dialect.delimiter if plan.dialect.format == "csv" else None,
        columns=[
            ColumnBody(name=each.name, target=each.target, type=each.type, how=each.how)
            for each in plan.columns or ()
        ],
        preset=plan.preset,
        preset_verified=plan.preset is None,
        **counts,
        reasons=[
            ReasonBody(
                code=code, count=reason.count, lines=reason.lines, example=examples.get(code, "")
            )
            for code, reason in sorted(result.reasons.items(), key=lambda each: -each[1].count)
        ],
        sample=[SampleRow(line=each.line, row=each.content) for each in sample],
    )


@router.get(
    "/jobs/{job_id}/import", summary="Read the report of an import", responses=responses(404, 422)
)
async def get_report(job_id: JobId, services: UsedServices) -> ImportReport:
    """The columns of an import, its counts, and of a dry run the first lines as they would be."""
    async with services.pool.connection() as conn:
        job = await job_of_kind(services, job_id, "import")
        file = await read_job_file(conn, job_id)
        result = ImportResult.from_json(await read_result(conn, job_id))
        sample = await kept_lines(conn, job_id, ["sample"], (0, -1), 100)
        examples = await examples_of(conn, job_id)
    return _report(job, file, result, sample, examples)


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

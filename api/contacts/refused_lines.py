"""The route of the lines that an import refused, in the format of its file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path
from fastapi.responses import StreamingResponse

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.services import Services, UsedServices
from store.imports.jobs import KeptLine, kept_lines
from store.imports.mapping import REFUSED_COLUMNS
from store.imports.plans import ImportPlan
from store.operations.jobs import JobRow, read_job

router = APIRouter(
    prefix="/v1",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

JobId = Annotated[UUID, Path()]
_LINES: Final = 1_000
"""Refused lines of one statement."""
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
        "description": "The file",
    }
}


async def job_of_kind(services: Services, job_id: UUID, *kinds: str) -> JobRow:
    """A job of one of these kinds. Raises Problem 404 if there is none."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
    if job is None or job.kind not in kinds:
        raise Problem(404, "unknown_job", f"there is no {' or '.join(kinds)} job {job_id}")
    return job


@router.get(
    "/jobs/{job_id}/refused",
    summary="Download the lines that an import refused",
    response_class=StreamingResponse,
    responses={**_FILE, **responses(404, 422)},
)
async def get_refused(job_id: JobId, services: UsedServices) -> StreamingResponse:
    """The lines that were refused, with reasons: as CSV in the columns of the file, or as JSON
    Lines if the file was that.

    Once they are put right, the file can be imported as it is. Values that were left out stand in
    it too, and for a job that undoes an import what stays. At most 100,000 lines are kept.
    """
    job = await job_of_kind(services, job_id, "import", "undo")
    header: Sequence[str] = ["contact"]
    written: Callable[[KeptLine], str] = _kept
    ending, media_type = "csv", "text/csv; charset=utf-8"
    if job.kind == "import":
        plan = ImportPlan.from_json(job.plan)
        if plan.dialect.format == "jsonl":
            header, written = [], _as_json
            ending, media_type = "jsonl", "application/x-ndjson"
        else:
            header = [column.name for column in plan.columns or ()]
            written = _in_columns(len(header))
    headers = {
        "Content-Disposition": f'attachment; filename="{quote(f"{job_id}.refused.{ending}")}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        _refused(services, job, header, written), media_type=media_type, headers=headers
    )


async def _refused(
    services: Services, job: JobRow, header: Sequence[str], written: Callable[[KeptLine], str]
) -> AsyncIterator[str]:
    if header:
        yield _line([*header, *REFUSED_COLUMNS])
    after = (-1, -1)
    while True:
        async with services.pool.connection() as conn:
            found = await kept_lines(conn, job.id, ["refused", "left_out", "kept"], after, _LINES)
        yield "".join(map(written, found))
        if len(found) < _LINES:
            return
        after = found[-1].line, found[-1].number


def _kept(kept: KeptLine) -> str:
    return _line([kept.reference or "", *_reason(kept)])


def _in_columns(width: int) -> Callable[[KeptLine], str]:
    def written(kept: KeptLine) -> str:
        content = kept.content
        if isinstance(content, str):
            content = [content]
        cells = [str(cell) for cell in content] if isinstance(content, list) else []
        return _line([*[*cells, *[""] * (width - len(cells))][:width], *_reason(kept)])

    return written


def _as_json(kept: KeptLine) -> str:
    content = kept.content if isinstance(kept.content, dict) else {"content": kept.content}
    reason = dict(zip(REFUSED_COLUMNS, _reason(kept), strict=True))
    return orjson.dumps({**content, **reason}).decode() + "\n"


def _reason(kept: KeptLine) -> tuple[int, str, str]:
    return kept.line, kept.code, kept.message


def _line(cells: Sequence[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()

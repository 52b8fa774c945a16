"""Jobs of imports: begun with their file, and recorded page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from store.imports.files import FileRow
from store.imports.outcomes import Outcome
from store.imports.plans import ImportPlan, ImportResult
from store.imports.records import Place
from store.operations.jobs import create_job
from store.sql import Connection, copy_rows, execute, fetch_all, fetch_one, sql

KEPT_LINES: Final = 100_000
"""Lines of one job that are kept with what is wrong with them; all are counted."""
_CONTENT_LIMIT: Final = 16 * 1024
"""Bytes of a line that is kept; of a longer one the beginning."""

_STATE = sql("select progress, result from job where id = %(job)s")
# Of two attempts at one page the first finds the progress unchanged; the other one is rolled back.
_RECORD = sql("""
update job set progress = %(after)s, result = %(result)s, done = %(done)s, failed = %(failed)s
where id = %(job)s and state = 'running' and progress is not distinct from %(before)s
""")
_COPY_LINES = sql("""
copy import_line (job_id, line, number, kind, code, message, reference, content) from stdin
""")
_LINES = sql("""
select line, number, kind, code, message, reference, content from import_line
where job_id = %(job)s and kind = any(%(kinds)s) and (line, number) > (%(line)s, %(number)s)
order by line, number limit %(limit)s
""")
_EXAMPLES = sql("""
select distinct on (code) code, message from import_line
where job_id = %(job)s and kind in ('refused', 'left_out') order by code, line, number
""")
_CLEAR_SEEN = sql("delete from import_change where job_id = %(job)s")


class PageSuperseded(Exception):
    """Another attempt has done this page, or the job has ended: roll back."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line that is kept, with what is said about it."""

    line: int
    number: int
    kind: str
    code: str
    message: str
    reference: str | None
    content: Any


async def create_import(conn: Connection, file: FileRow, plan: ImportPlan) -> None:
    """Insert the job of a file that has arrived; its workflow is to be started after the commit."""
    await create_job(
        conn,
        "import",
        None,
        job_id=file.job_id,
        # The name of a file may be that of a person, and a job's subject stands in Temporal.
        subject=f"{plan.what}, a dry run" if plan.dry_run else plan.what,
        plan=plan.as_json(),
        total=file.lines,
    )


async def read_state(conn: Connection, job_id: UUID, plan: ImportPlan) -> tuple[Place, Any, Any]:
    """Where a job goes on; and its progress, and its result so far, as they are kept."""
    row = await fetch_one(conn, _STATE, {"job": job_id})
    assert row is not None
    progress, result = row
    place = plan.start if progress is None else Place(**progress)
    return place, progress, result


async def record_page(
    conn: Connection,
    job_id: UUID,
    before: Any,
    place: Place,
    result: ImportResult,
    outcome: Outcome,
    contents: Mapping[int, Any],
) -> None:
    """Record a page in its own transaction.

    Raises PageSuperseded if another attempt has recorded it, or the job has ended.
    """
    kept = result.refused + result.left_out
    for line, code, *_ in (*outcome.refused, *outcome.left_out):
        result.add_reason(code, line)
    result.refused += len(outcome.refused)
    result.left_out += len(outcome.left_out)
    for name in _COUNTS:
        setattr(result, name, getattr(result, name) + getattr(outcome, name))
    rows = _rows(job_id, outcome, contents, KEPT_LINES - kept)
    after = asdict(place)
    changed = await execute(
        conn,
        _RECORD,
        {
            "job": job_id,
            "before": None if before is None else Jsonb(before),
            "after": Jsonb(after),
            "result": Jsonb(result.as_json()),
            "done": place.line,
            "failed": result.refused,
        },
    )
    if not changed:
        raise PageSuperseded
    if rows:
        await copy_rows(conn, _COPY_LINES, rows)


_COUNTS: Final = (
    "created", "updated", "unchanged", "joined", "consents", "events", "repeated", "suppressed",
    "known",
)  # fmt: skip


def _rows(
    job_id: UUID, outcome: Outcome, contents: Mapping[int, Any], room: int
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    numbers: dict[int, int] = {}
    found = [
        *(("refused", *each) for each in outcome.refused),
        *(("left_out", *each) for each in outcome.left_out),
    ]
    for kind, line, code, why, reference in found[: max(room, 0)]:
        number = numbers[line] = numbers.get(line, 0) + 1
        content = _content(contents.get(line)) if number == 1 else None
        rows.append((job_id, line, number, kind, code, why[:1_000], reference, content))
    for line, shown in outcome.shown:
        rows.append((job_id, line, 0, "sample", "", "", None, _content(shown)))
    return rows


def _content(value: Any) -> str | None:
    """A line's cells, or its object, as PostgreSQL keeps it."""
    if value is None:
        return None
    text = orjson.dumps(value).decode()
    if len(text) > _CONTENT_LIMIT or "\\u0000" in text:
        text = orjson.dumps([text[:_CONTENT_LIMIT].replace("\\u0000", "")]).decode()
    return text


async def kept_lines(
    conn: Connection, job_id: UUID, kinds: Sequence[str], after: tuple[int, int], limit: int
) -> list[KeptLine]:
    """Lines of a job that are kept, in the order of the file, behind a line and number."""
    line, number = after
    wanted = {
        "job": job_id, "kinds": list(kinds), "line": line, "number": number, "limit": limit,
    }  # fmt: skip
    return [KeptLine(*row) for row in await fetch_all(conn, _LINES, wanted)]


async def examples_of(conn: Connection, job_id: UUID) -> dict[str, str]:
    """By reason, what is wrong with the first of its lines that are kept."""
    return dict(await fetch_all(conn, _EXAMPLES, {"job": job_id}))


async def forget_dry_run(conn: Connection, job_id: UUID) -> None:
    """Delete what a dry run remembered of the contacts that it would create."""
    await execute(conn, _CLEAR_SEEN, {"job": job_id})

"""Reports of imports: what was done with each column and line, or would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from api.operations.jobs import JobBody, job_body
from store.imports.files import FileRow
from store.imports.jobs import KeptLine
from store.imports.plans import ImportPlan, ImportResult
from store.operations.jobs import JobRow


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
    groups: list[str]
    """Groups that every contact of the file joins."""
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


def import_report(
    job: JobRow,
    file: FileRow | None,
    result: ImportResult,
    sample: Sequence[KeptLine],
    examples: Mapping[str, str],
) -> ImportReport:
    """The report of an import from its job, its file, its counts and the lines that were kept."""
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
        groups=list(plan.groups),
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

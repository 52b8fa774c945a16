"""`parcours contact export`: contacts, and what belongs to them, into a file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server, segment
from cli.contact_import import What
from cli.errors import ExitCode, refuse
from cli.job_progress import wait_for_job


class Format(StrEnum):
    """How a file is written."""

    csv = "csv"
    jsonl = "jsonl"


def export(
    file: Annotated[Path, typer.Argument(help="Where to write: NAME.csv or NAME.jsonl.")],
    what: Annotated[What, typer.Option(help="What to export.")] = What.contacts,
    format_: Annotated[
        Format | None, typer.Option("--format", help="By default what the file's name says.")
    ] = None,
    segment_key: Annotated[
        str | None, typer.Option("--segment", help="Only members of this segment.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Only members of this group.")] = None,
    condition: Annotated[
        str | None,
        typer.Option("--if", help="Only contacts for whom this holds: a condition as JSON."),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="Safe to open: no cell is taken for a formula."),
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Export as a job, wait for it, and download its file. It needs a key of scope admin."""
    chosen = format_ or (Format.jsonl if file.suffix in (".jsonl", ".ndjson") else Format.csv)
    body: dict[str, Any] = {
        "what": what.value,
        "format": chosen.value,
        "segment": segment_key,
        "group": group,
        "if": None if condition is None else _condition(condition),
        "spreadsheet": spreadsheet,
    }
    server = find_server(data_dir, scope="admin")
    begun = server.post("/v1/contacts/export", body).json()
    job = wait_for_job(server, begun["id"], f"export of {what.value}", "contacts")
    if job["state"] != "done":
        refuse(f"the export was {job['state']}: job {job['id']}", ExitCode.REFUSED)
    try:
        server.download(f"/v1/jobs/{segment(job['id'])}/file", file)
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror or error}")
    if as_json:
        typer.echo(json.dumps(job, ensure_ascii=False))
        return
    typer.echo(f"{file}: {job['result']['rows']:,} rows")


def _condition(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        refuse(f"--if: is not JSON: {error}", ExitCode.USAGE)

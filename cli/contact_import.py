"""`parcours contact import`: contacts, consents, suppressions and past events from a file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.errors import ExitCode, refuse
from cli.job_progress import wait_for_job
from cli.tables import print_pairs, print_table

_SHOWN = 20
"""Columns of a sample that are printed."""
_KINDS = {".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson"}


class What(StrEnum):
    """What a file holds."""

    contacts = "contacts"
    groups = "groups"
    topics = "topics"
    suppressions = "suppressions"
    events = "events"


class Mode(StrEnum):
    """What is done with contacts that exist, and with those that do not."""

    merge = "merge"
    only_new = "only_new"
    only_existing = "only_existing"


class By(StrEnum):
    """By what a line names its contact."""

    external_id = "external_id"
    email = "email"
    phone = "phone"


class Preset(StrEnum):
    """Products whose export columns are known, as far as that is public."""

    mailchimp = "mailchimp"
    brevo = "brevo"
    hubspot = "hubspot"
    klaviyo = "klaviyo"
    customerio = "customerio"


def import_(
    file: Annotated[
        Path | None, typer.Argument(help="CSV with a first line of names, or JSON Lines.")
    ] = None,
    what: Annotated[What, typer.Option(help="What the file holds.")] = What.contacts,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="COLUMN=TARGET, as in 'E-mail address=email' or 'Visits=visits:number'."
        ),
    ] = None,
    preset: Annotated[
        Preset | None, typer.Option(help="The product that the file comes from; unverified.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Which contacts may change.")] = Mode.merge,
    by: Annotated[By, typer.Option(help="By what a line names its contact.")] = By.external_id,
    group: Annotated[
        list[str] | None, typer.Option(help="A group that every contact of the file joins.")
    ] = None,
    empty: Annotated[
        str, typer.Option(help="What an empty cell does to a value: keep or remove it.")
    ] = "keep",
    timezone: Annotated[
        str | None, typer.Option(help="The zone of times without an offset.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Of events: whose message ids they share.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="By default it is found.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="By default it is found.")] = None,
    rate: Annotated[int | None, typer.Option(help="Lines a second, at most.")] = None,
    begin_journeys: Annotated[
        bool, typer.Option("--begin-journeys", help="Let what changes begin runs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be, and change nothing.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option(metavar="JOB", help="Undo the import of this job.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Import a file as a job, and wait for it. Refused lines go to FILE.refused.csv, or
    FILE.refused.jsonl if they are JSON.

    The status is 1 if lines were refused. Ctrl-C ends the waiting; the job goes on.
    """
    server = find_server(data_dir)
    if (file is None) == (undo is None):
        refuse("give a file to import, or --undo JOB", ExitCode.USAGE)
    if undo is not None:
        _undo(server, undo, as_json=as_json)
        return
    assert file is not None
    options: list[tuple[str, str]] = [
        ("what", what.value),
        ("mode", mode.value),
        ("by", by.value),
        ("empty", empty),
        ("name", file.name[:200]),
        *(("group", each) for each in group or ()),
    ]
    given = {
        "map": json.dumps(_mapping(mapping)) if mapping else None,
        "preset": preset.value if preset else None,
        "timezone": timezone,
        "source": source,
        "encoding": encoding,
        "delimiter": delimiter,
        "rate": None if rate is None else str(rate),
        "begin_journeys": "true" if begin_journeys else None,
        "dry_run": "true" if dry_run else None,
    }
    options += [(name, value) for name, value in given.items() if value is not None]
    begun = _send(server, file, options)
    job = wait_for_job(server, begun["job"]["id"], f"import of {file.name}", "lines")
    report = server.get(f"/v1/jobs/{segment(job['id'])}/import").json()
    kept = _keep_refused(server, report, file) if not dry_run else None
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_report(report, kept)
    if job["state"] != "done":
        refuse(f"the import was {job['state']}: job {job['id']}", ExitCode.REFUSED)
    if report["refused"]:
        raise typer.Exit(ExitCode.INVALID)


def _mapping(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        column, equal, target = each.rpartition("=")
        if not equal or not column:
            refuse(f"--map {each!r}: write COLUMN=TARGET, as in 'Mail=email'", ExitCode.USAGE)
        found[column] = target
    return found


def _send(server: Server, file: Path, options: list[tuple[str, str]]) -> dict[str, Any]:
    kind = _KINDS.get(file.suffix.lower(), "text/csv")
    try:
        with file.open("rb") as source:
            path = f"/v1/contacts/import?{urlencode(options)}"
            answer: dict[str, Any] = server.upload(path, source, kind, timeout=None).json()
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    return answer


def _keep_refused(server: Server, report: dict[str, Any], file: Path) -> Path | None:
    """The file of refused lines beside the file; None if there are none."""
    if not report["refused"] and not report["left_out"]:
        return None
    target = file.with_name(f"{file.name}.refused.{report['format']}")
    try:
        server.download(f"/v1/jobs/{segment(report['job']['id'])}/refused", target)
    except OSError as error:
        refuse(f"{target} cannot be written: {error.strerror or error}")
    return target


def _print_report(report: dict[str, Any], kept: Path | None) -> None:
    would = "would be " if report["dry_run"] else ""
    if report["columns"]:
        print_table(
            ["column", "goes to", "type", "by"],
            [
                (each["name"], "left out" if each["target"] == "-" else each["target"],
                 each["type"], each["how"].replace("_", " "))
                for each in report["columns"]
            ],
        )  # fmt: skip
    if report["preset"] and not report["preset_verified"]:
        typer.echo(
            f"The preset {report['preset']} is unverified: look at what it makes of each column."
        )
    for each in report["sample"]:
        _print_row(each)
    names = ("created", "updated", "unchanged", "refused", "left_out", "events", "repeated",
             "suppressed", "known", "joined", "consents")  # fmt: skip
    print_pairs(
        [
            ("job", report["job"]["id"]),
            ("read as", _read_as(report)),
            *(
                (f"{would}{_COUNT_LABELS.get(name, name.replace('_', ' '))}", report[name])
                for name in names
                if report[name] or name in ("created", "updated", "refused")
            ),
        ]
    )
    if report["reasons"]:
        print_table(
            ["reason", "count", "first lines", "example"],
            [
                (each["code"], each["count"], ", ".join(map(str, each["lines"])), each["example"])
                for each in report["reasons"]
            ],
            numbers=["count"],
        )
    if kept is not None:
        typer.echo(f"{kept}: the lines that were refused, with reasons", err=True)


_COUNT_LABELS: Final = {"left_out": "left out (values)", "joined": "joined (groups)"}
_DELIMITERS: Final = {"\t": "tab", ",": "comma", ";": "semicolon"}


def _read_as(report: dict[str, Any]) -> str:
    """How the file was understood, so that a wrong guess is seen."""
    delimiter = report.get("delimiter") if report["format"] == "csv" else None
    between = f", {_DELIMITERS.get(delimiter, delimiter)} between columns" if delimiter else ""
    return " ".join(filter(None, (report["format"], report["encoding"]))) + between


def _print_row(sample: dict[str, Any]) -> None:
    row = sample["row"]
    # JSON of the database has an order of its own.
    first = {name: row[name] for name in ("outcome", "external_id", "contact") if name in row}
    rest = {name: value for name, value in row.items() if name not in ("values", "changes")}
    shown = {**first, **dict(sorted(row.get("values", {}).items())), **dict(sorted(rest.items()))}
    cells = [f"{name}={value}" for name, value in shown.items() if value not in (None, "", [], {})]
    typer.echo(f"line {sample['line']}: " + ", ".join(cells[:_SHOWN]))


def _undo(server: Server, job_id: str, *, as_json: bool) -> None:
    begun = server.post(f"/v1/jobs/{segment(job_id)}/undo").json()
    job = wait_for_job(server, begun["id"], f"undo of {job_id}", "changes")
    result = job["result"] or {}
    stays = result.get("kept", 0)
    target = Path(f"{job_id}.kept.csv")
    if stays:
        server.download(f"/v1/jobs/{segment(job['id'])}/refused", target)
    if as_json:
        typer.echo(json.dumps(job, ensure_ascii=False))
    else:
        names = ("removed", "restored", "events", "suppressions", "kept")
        print_pairs([("job", job["id"]), *((name, result.get(name, 0)) for name in names)])
        if stays:
            typer.echo(f"{target}: what stays, with reasons", err=True)
    if job["state"] != "done":
        refuse(f"undoing the import was {job['state']}: job {job['id']}", ExitCode.REFUSED)

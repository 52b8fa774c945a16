"""`parcours journey`: check files, apply them, and pause, resume or archive journeys."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import journey_versions
from cli.client import DATA_DIR, AsJson, DataDir, Server, as_page, find_server, segment
from cli.document_versions import print_changes
from cli.errors import ExitCode, refuse
from cli.files import check_sources, read_sources
from cli.in_flight import Flight, InFlight, Map, Overdue, in_flight_policy, overdue_policy
from cli.journey_versions import JourneyKey
from cli.plan_output import print_backfills, print_plan
from cli.preview_wait import wait_for_preview
from cli.tables import at_second, print_pairs, print_table, screen

if TYPE_CHECKING:
    from journeys.source.parsing import Parsed

app = typer.Typer(help="Journeys and the documents they use.", no_args_is_help=True)
journey_versions.add_commands(app)

Files = Annotated[
    list[Path], typer.Argument(help="Files, or folders that are searched for files at any depth.")
]


@app.command("validate")
def validate(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check files without a server; the status is 1 if there are errors.

    A topic or segment that is not in the files is a warning: the server may have it.
    """
    parsed, problems = check_sources(read_sources(files))
    errors = [problem for problem in problems if problem.severity == "error"]
    if as_json:
        shown = [
            {"file": each.file, "line": each.line, "column": each.column, "step": each.step,
             "code": each.code, "severity": each.severity, "message": each.message,
             "hint": each.hint}
            for each in problems
        ]  # fmt: skip
        typer.echo(json.dumps({"problems": shown}, ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        if not errors:
            typer.echo(f"{_counted(parsed)}: no errors")
    if errors:
        raise typer.Exit(1)


@app.command("plan")
def plan(
    files: Files,
    in_flight: Flight = InFlight.PIN,
    mapped: Map = [],  # noqa: B006 - typer's way to say none
    overdue: Overdue = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what `apply` would change, and what it would do to runs in flight.

    Where many runs are in flight a job previews them, and the command waits for it.
    """
    sources = read_sources(files)
    _check(sources)
    server = find_server(data_dir)
    planned = server.post("/v1/plan", _request_body(sources, in_flight, mapped, overdue)).json()
    for document in planned["documents"]:
        if document["preview_job"]:
            document["in_flight"] = wait_for_preview(
                server, document["key"], document["preview_job"]
            )
    if as_json:
        typer.echo(json.dumps(planned, ensure_ascii=False, separators=(",", ":")))
        return
    for document in planned["documents"]:
        print_plan(document)


@app.command("apply")
def apply(
    files: Files,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    in_flight: Flight = InFlight.PIN,
    mapped: Map = [],  # noqa: B006 - typer's way to say none
    overdue: Overdue = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Save files on the server, all or none, and make them live.

    Nothing is deleted or archived. Runs in flight keep their version unless --in-flight or --map
    says otherwise.
    """
    sources = read_sources(files)
    parsed = _check(sources)
    server = find_server(data_dir)
    if not yes:
        _show_backfills(parsed, server, _request_body(sources, in_flight, mapped, overdue))
        _confirm(parsed, server)
    answer = server.post("/v1/apply", _request_body(sources, in_flight, mapped, overdue))
    if as_json:
        typer.echo(answer.text)
        return
    applied = answer.json()["documents"]
    print_table(
        ["", "kind", "key", "version", "state"],
        [
            (each["change"], each["kind"], each["key"], each["version"], each["state"])
            for each in applied
        ],
        numbers=["version"],
    )
    for each in applied:
        if each["changes"]:
            typer.echo(f"{each['kind']} {each['key']}")
            print_changes(each["changes"])
        if each["job"]:
            typer.echo(f"the runs of {each['key']} move: job {each['job']}")
        for job in each["backfills"]:
            typer.echo(f"{each['key']} is backfilled: job {job}")
        for warning in each["warnings"]:
            typer.echo(warning, err=True)


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the journeys of the server."""
    items = find_server(data_dir).list_all("/v1/journeys")
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["key", "name", "state", "active version", "newest version", "changed"],
        [
            (each["key"], each["name"], each["state"], each["active_version"], each["version"],
             at_second(each["updated_at"]))
            for each in items
        ],
        numbers=["active version", "newest version"],
    )  # fmt: skip


@app.command("show")
def show(
    key: JourneyKey,
    version: Annotated[
        int | None, typer.Option(min=1, help="The version; by default the newest.")
    ] = None,
    source: Annotated[
        bool, typer.Option("--source", help="Print the file alone, as it was written.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a journey as it was written."""
    answer = find_server(data_dir).get(f"/v1/journeys/{segment(key)}", version=version)
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    if source:
        typer.echo(shown["source"], nl=not shown["source"].endswith("\n"))
        return
    print_pairs(
        [
            ("journey", shown["key"]),
            ("name", shown["name"]),
            ("state", shown["state"]),
            ("version", shown["version"]),
            ("active version", shown["active_version"]),
            ("changed", at_second(shown["updated_at"])),
        ]
    )
    screen().print()
    typer.echo(shown["source"].rstrip("\n"))


@app.command("pause")
def pause(key: JourneyKey, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Defer a journey's sends and refuse entries; waits, exits and goals go on."""
    _change_state(key, "pause", {}, data_dir, as_json)


@app.command("resume")
def resume(
    key: JourneyKey,
    overdue: Overdue = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Let a paused journey go on."""
    _change_state(key, "resume", {"overdue": overdue_policy(overdue)}, data_dir, as_json)


@app.command("archive")
def archive(key: JourneyKey, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Refuse entries from now on; runs go on to their end."""
    _change_state(key, "archive", {}, data_dir, as_json)


@app.command("new")
def new(
    name: Annotated[
        str | None, typer.Argument(help="The new journey's key; its file is NAME.yaml.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="The key of a journey of the library.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the journeys of the library.")] = (
        False
    ),
) -> None:
    """Write a file with a copy of a journey of the library, to be changed."""
    from journeys import library
    from journeys.model.values import KEY_LENGTH, KEY_PATTERN

    if list_:
        print_pairs((each, library.about(each).summary) for each in library.names())
        return
    if name is None or from_ is None:
        refuse(
            "write `parcours journey new NAME --from KEY`; the keys are those of `--list`",
            ExitCode.USAGE,
        )
    if len(name) > KEY_LENGTH or not re.fullmatch(KEY_PATTERN, name):
        refuse(f"`{name}` is not a key; keys are made of a-z, 0-9 and - inside")
    if from_ not in library.names():
        listed = "".join(f"\n  {each}: {library.about(each).summary}" for each in library.names())
        refuse(f"the library has no journey `{from_}`; it has{listed}")
    text = library.source(from_)
    # Only the line with its key is changed: topics and templates may have the same name.
    text = re.sub(rf"(?m)^journey: {re.escape(from_)}$", f"journey: {name}", text)
    target = Path(f"{name}.yaml")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        refuse(f"{target} is there already; choose another name or remove it")
    except OSError as error:
        refuse(f"{target} cannot be written: {error.strerror}")
    typer.echo(f"wrote {target}; check it by `parcours journey validate {target}`")


def _change_state(
    key: str, action: str, body: dict[str, Any], data_dir: Path, as_json: bool
) -> None:
    answer = find_server(data_dir).post(f"/v1/journeys/{segment(key)}/{action}", body)
    if as_json:
        typer.echo(answer.text)
        return
    journey = answer.json()
    typer.echo(f"journey {key} is {journey['state']}")
    if journey["job"]:
        typer.echo(f"what was held is let go: job {journey['job']}")


def _check(sources: dict[str, bytes]) -> list[Parsed]:
    """The documents. The command ends if they have errors."""
    parsed, problems = check_sources(sources)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        refuse("\n".join(map(str, errors)))
    return parsed


def _request_body(
    sources: dict[str, bytes], in_flight: InFlight, mapped: list[str], overdue: str
) -> dict[str, Any]:
    """The body of a plan or apply: the files, and the choices for runs in flight."""
    return {
        "documents": [
            {"filename": name, "source": source.decode("utf-8-sig")}
            for name, source in sources.items()
        ],
        "in_flight": in_flight_policy(in_flight, mapped),
        "overdue": overdue_policy(overdue),
    }


def _counted(parsed: list[Parsed]) -> str:
    counts: dict[str, int] = {}
    for each in parsed:
        kind = each.document.kind
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _show_backfills(parsed: list[Parsed], server: Server, body: dict[str, Any]) -> None:
    """Print how many contacts would enter at once, if a journey has a backfill."""
    from journeys.model.backfills import backfills_of
    from journeys.model.journey import Journey

    journeys = [each.document for each in parsed if isinstance(each.document, Journey)]
    if not sys.stdin.isatty() or not any(backfills_of(journey) for journey in journeys):
        return
    for document in server.post("/v1/plan", body).json()["documents"]:
        if document["backfills"]:
            typer.echo(f"journey {document['key']}")
            print_backfills(document)


def _confirm(parsed: list[Parsed], server: Server) -> None:
    if not sys.stdin.isatty():
        refuse("this is not a terminal, so no confirmation is possible: add --yes", ExitCode.USAGE)
    for each in parsed:
        typer.echo(f"  {each.document.kind} {each.document.key}  ({each.file})")
    if not typer.confirm(f"Make these live on {server.url}?"):
        refuse("nothing was changed", ExitCode.REFUSED)

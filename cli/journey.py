"""`parcours journey`: checking files, putting them on the server, and steering journeys."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.refusal import refuse
from cli.tables import at_second, print_pairs, print_table, screen

if TYPE_CHECKING:
    from journeys.parsing import Parsed
    from journeys.problems import Problem

app = typer.Typer(help="Journeys and the documents they use.", no_args_is_help=True)

ENDINGS = (".yaml", ".yml", ".json")
ELSEWHERE = frozenset({"unknown_topic", "unknown_segment", "unknown_template", "unknown_places"})
"""What a file alone cannot tell: the server may have it."""

Files = Annotated[
    list[Path], typer.Argument(help="Files, and folders, whose files are found at any depth.")
]
JourneyKey = Annotated[str, typer.Argument(help="The journey's key.")]


@app.command("validate")
def validate(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check files without a server; the status is 1 if there are errors.

    What they name and do not hold (a topic, a segment) is a warning: the server may have it.
    """
    parsed, problems = _checked(_sources(files))
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


@app.command("apply")
def apply(
    files: Files,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Put files on the server, all or none, and make them live.

    Nothing is deleted or archived; runs that are under way keep the version they began with.
    """
    sources = _sources(files)
    parsed, problems = _checked(sources)
    wrong = [problem for problem in problems if problem.severity == "error"]
    if wrong:
        refuse("\n".join(map(str, wrong)))
    server = find_server(data_dir)
    if not yes:
        _ask(parsed, server)
    documents = [
        {"filename": name, "source": source.decode("utf-8-sig")} for name, source in sources.items()
    ]
    answer = server.post("/v1/apply", {"documents": documents})
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
        for warning in each["warnings"]:
            typer.echo(warning, err=True)


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the journeys of the server."""
    server = find_server(data_dir)
    answer = server.get("/v1/journeys", limit=500)
    if as_json:
        typer.echo(answer.text)
        return
    page = answer.json()
    items = list(page["items"])
    while page["next"]:
        page = server.get("/v1/journeys", limit=500, cursor=page["next"]).json()
        items += page["items"]
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
    version: Annotated[int | None, typer.Option(min=1, help="The newest otherwise.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a journey as it was written."""
    answer = find_server(data_dir).get(f"/v1/journeys/{segment(key)}", version=version)
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
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
    """Hold a journey's sends and refuse entries; waits, exits and goals go on."""
    _steer(key, "pause", {}, data_dir, as_json)


@app.command("resume")
def resume(
    key: JourneyKey,
    overdue: Annotated[
        str, typer.Option(help="What was held: send, skip, or spread over a time such as 2h.")
    ] = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Let a paused journey go on."""
    policy = overdue if overdue in ("send", "skip") else {"spread": overdue}
    _steer(key, "resume", {"overdue": policy}, data_dir, as_json)


@app.command("archive")
def archive(key: JourneyKey, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Refuse entries from now on; runs go on to their end."""
    _steer(key, "archive", {}, data_dir, as_json)


@app.command("new")
def new(
    name: Annotated[
        str | None, typer.Argument(help="The new journey's key; its file is NAME.yaml.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="A ready journey of the library.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Say which ready journeys there are.")] = (
        False
    ),
) -> None:
    """Write a file with a copy of a ready journey, to be made one's own."""
    from journeys import library
    from journeys.values import KEY_LENGTH, KEY_PATTERN

    if list_:
        print_pairs((each, library.about(each).summary) for each in library.names())
        return
    if name is None or from_ is None:
        refuse("write `parcours journey new NAME --from KEY`; the keys are those of `--list`")
    if len(name) > KEY_LENGTH or not re.fullmatch(KEY_PATTERN, name):
        refuse(f"`{name}` is not a key; keys are made of a-z, 0-9 and - inside")
    if from_ not in library.names():
        there = "".join(f"\n  {each}: {library.about(each).summary}" for each in library.names())
        refuse(f"the library has no journey `{from_}`; it has{there}")
    text = library.source(from_)
    # The line that names it, and no other: its topics and templates stay as they are.
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


def _steer(key: str, act: str, body: dict[str, Any], data_dir: Path, as_json: bool) -> None:
    answer = find_server(data_dir).post(f"/v1/journeys/{segment(key)}/{act}", body)
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"journey {key} is {answer.json()['state']}")


def _sources(given: list[Path]) -> dict[str, bytes]:
    """The files' texts by their names, in the order given, a folder's sorted; each file once."""
    sources: dict[str, bytes] = {}
    seen: set[Path] = set()
    for path in given:
        for file in _found(path):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                sources[str(file)] = file.read_bytes()
            except OSError as error:
                refuse(f"{file} cannot be read: {error.strerror}")
    return sources


def _found(path: Path) -> Iterable[Path]:
    if path.is_dir():
        files = sorted(
            file for file in path.rglob("*") if file.suffix in ENDINGS and file.is_file()
        )
        if not files:
            refuse(f"{path} holds no {', '.join(f'*{ending}' for ending in ENDINGS)}")
        return files
    if not path.exists():
        refuse(f"there is no file {path}")
    return [path]


def _checked(sources: dict[str, bytes]) -> tuple[list[Parsed], list[Problem]]:
    """The documents, and what is wrong with them as far as files can tell."""
    from journeys.parsing import parse_all
    from journeys.validation import check

    parsed: list[Parsed] = []
    problems: list[Problem] = []
    for name, source in sources.items():
        some, wrong = parse_all(source, name)
        parsed += some
        problems += wrong
    unreadable = bool(problems)
    for problem in check(parsed):
        if problem.code not in ELSEWHERE:
            problems.append(problem)
        elif not unreadable:
            # It may be in a file that could not be taken, which is told already.
            problems.append(replace(problem, severity="warning", hint="the server may have it"))
    return parsed, problems


def _counted(parsed: list[Parsed]) -> str:
    counts: dict[str, int] = {}
    for each in parsed:
        kind = each.document.kind
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _ask(parsed: list[Parsed], server: Server) -> None:
    if not sys.stdin.isatty():
        refuse("there is nobody to ask: add --yes")
    for each in parsed:
        typer.echo(f"  {each.document.kind} {each.document.key}  ({each.file})")
    if not typer.confirm(f"Make these live on {server.url}?"):
        refuse("nothing was changed")

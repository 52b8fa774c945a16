"""`parcours segment`: sets of contacts, who is in them, who came and went."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import document_versions
from cli.client import DATA_DIR, AsJson, DataDir, Server, as_page, find_server, segment
from cli.errors import refuse
from cli.tables import at_second, print_pairs, print_table

app = typer.Typer(help="Sets of contacts that a condition defines.", no_args_is_help=True)
document_versions.add_commands(app, document_versions.Kind.SEGMENT)

Key = Annotated[str, typer.Argument(help="The segment's key.")]
_PATH = "/v1/segments"
_PAGE = 500
_COLUMNS = ("contact", "email", "entered_at")


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List segments with how many contacts are in each."""
    items = find_server(data_dir).list_all(_PATH)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["segment", "state", "members", "version", "changed"],
        [
            (each["key"], _state(each), each["members"], each["version"],
             at_second(each["updated_at"]))
            for each in items
        ],
        numbers=["members", "version"],
    )  # fmt: skip


@app.command("show")
def show(key: Key, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Show a segment: its condition, its members, and what they depend on."""
    answer = find_server(data_dir).get(f"{_PATH}/{segment(key)}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    print_pairs(
        [
            ("segment", shown["key"]),
            ("state", _state(shown)),
            ("members", shown["members"]),
            ("version", shown["version"]),
            *((kind, ", ".join(found)) for kind, found in shown["dependencies"].items()),
            ("in force since", at_second(shown["since"])),
            ("filled", at_second(shown["filled_at"])),
            ("compared", at_second(shown["checked_at"])),
            ("wrong then", shown["corrected"] if shown["checked_at"] else None),
            ("takes long", at_second(shown.get("slow_at"))),
        ]
    )
    typer.echo()
    typer.echo(shown["source"].rstrip())


@app.command("preview")
def preview(
    file: Annotated[Path, typer.Argument(help="The segment, as YAML or JSON.")],
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Count who would be in a segment, before it is saved."""
    try:
        with file.open("rb") as source:
            answer = find_server(data_dir).upload(f"{_PATH}/preview", source, "application/yaml")
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    typer.echo("1 contact" if found["count"] == 1 else f"{found['count']} contacts")
    if found["sample"]:
        print_table(
            ["contact", "email"], [(each["contact"], each["email"]) for each in found["sample"]]
        )


@app.command("members")
def members(
    key: Key,
    limit: Annotated[int, typer.Option(min=1, help="The most that are listed.")] = 100,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List contacts in a segment. All of them: `parcours segment export`."""
    items, more = _first(find_server(data_dir), f"{_PATH}/{segment(key)}/members", limit)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["contact", "email", "since"],
        [(each["contact"], each["email"], at_second(each["entered_at"])) for each in items],
    )
    if more:
        typer.echo(f"the first {limit}: there are more")


@app.command("changes")
def changes(
    key: Key,
    limit: Annotated[int, typer.Option(min=1, help="The most that are listed.")] = 100,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List who entered a segment and who left it, newest first."""
    items, more = _first(find_server(data_dir), f"{_PATH}/{segment(key)}/changes", limit)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["at", "contact", "change", "by"],
        [(at_second(each["at"]), each["contact"], each["change"], each["by"]) for each in items],
    )
    if more:
        typer.echo(f"the last {limit}: there are more")


@app.command("fill")
def fill(key: Key, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Judge all contacts again, by a job: if the job before was stopped."""
    answer = find_server(data_dir).post(f"{_PATH}/{segment(key)}/fill")
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"{key} is filled by the job {answer.json()['job']}")


@app.command("export")
def export(
    key: Key,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines in place of CSV.")] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print all members, as CSV or as JSON Lines, page by page."""
    server = find_server(data_dir)
    if not jsonl:
        _write_row(_COLUMNS)
    for each in _pages(server, f"{_PATH}/{segment(key)}/members"):
        if jsonl:
            typer.echo(json.dumps(each, ensure_ascii=False))
        else:
            _write_row([each[column] or "" for column in _COLUMNS])


def _write_row(values: Any) -> None:
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(values)
    sys.stdout.write(row.getvalue())


def _pages(server: Server, path: str) -> Iterator[dict[str, Any]]:
    """The items of a list, of which one page is held at a time."""
    cursor = None
    while True:
        page = server.get(path, limit=_PAGE, cursor=cursor).json()
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _first(server: Server, path: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The first items of a list, and whether there are more."""
    items: list[dict[str, Any]] = []
    for each in _pages(server, path):
        if len(items) == limit:
            return items, True
        items.append(each)
    return items, False


def _state(shown: dict[str, Any]) -> str:
    progress = shown["progress"]
    if progress is None:
        return str(shown["state"])
    return f"{shown['state']}: {progress['done']} of {progress['total']} contacts"

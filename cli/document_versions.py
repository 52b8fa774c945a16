"""`history`, `diff`, `restore` and `uses`: versions of documents, and what names them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.tables import at_second, print_table

app = typer.Typer(help="Versions and uses of documents of every kind.", no_args_is_help=True)

COMPARED = 50
"""Versions of a page whose changes are listed."""

Key = Annotated[str, typer.Argument(metavar="KEY", help="The document's key.")]
OldVersion = Annotated[
    int | None, typer.Option(min=1, help="The older version; by default the one before `--after`.")
]
NewVersion = Annotated[
    int | None, typer.Option(min=1, help="The newer version; by default the newest.")
]
Restored = Annotated[int, typer.Option(min=1, help="The version to return to.")]


class Kind(StrEnum):
    """A kind of documents, as the API names several of it."""

    SEGMENT = "segments"
    TEMPLATE = "templates"
    TOPIC = "topics"
    PLACES = "places"
    CHANNEL = "channels"
    BRAND = "brands"
    FORM = "forms"
    TEST_RECIPIENTS = "test-recipients"
    HOLDOUT = "holdouts"


KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help="segments, templates, topics…")]


@app.command("history")
def history(
    kind: KindArgument, key: Key, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """List the versions of a document, newest first, and what each changed."""
    print_history(kind, key, data_dir, as_json)


@app.command("diff")
def diff(
    kind: KindArgument,
    key: Key,
    before: OldVersion = None,
    after: NewVersion = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions of a document."""
    print_diff(kind, key, before, after, data_dir, as_json)


@app.command("restore")
def restore(
    kind: KindArgument,
    key: Key,
    version: Restored,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Save the text of an earlier version as a new one, which counts at once."""
    return_to(kind, key, version, data_dir, as_json)


class UsedKind(StrEnum):
    """A kind of what documents name."""

    ATTRIBUTE = "attribute"
    BRAND = "brand"
    CHANNEL = "channel"
    FILE = "file"
    FORM = "form"
    GROUP = "group"
    HOLDOUT = "holdout"
    JOURNEY = "journey"
    PLACES = "places"
    POOL = "pool"
    SEGMENT = "segment"
    TEMPLATE = "template"
    TEST_RECIPIENTS = "test_recipients"
    TOPIC = "topic"


@app.command("uses")
def uses(
    kind: Annotated[UsedKind, typer.Argument(metavar="KIND", help="topic, template, pool…")],
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Of this one alone.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List what names a topic, a template, a pool and so on, and in which steps."""
    items = find_server(data_dir).list_all("/v1/documents/uses", kind=kind.value, key=key)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        [kind.value, "used by", "key", "version", "live", "steps"],
        [
            (each["key"], each["by"], each["by_key"], each["version"],
             "live" if each["live"] else "", ", ".join(each["steps"]))
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip


def add_commands(app: typer.Typer, kind: Kind) -> None:
    """Add `history`, `diff` and `restore` to the commands of one kind of documents."""

    def history(key: Key, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
        """List its versions, newest first, and what each changed."""
        print_history(kind, key, data_dir, as_json)

    def diff(
        key: Key,
        before: OldVersion = None,
        after: NewVersion = None,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Show what changed between two versions of it."""
        print_diff(kind, key, before, after, data_dir, as_json)

    def restore(
        key: Key, version: Restored, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
    ) -> None:
        """Save the text of an earlier version as a new one, which counts at once."""
        return_to(kind, key, version, data_dir, as_json)

    for command in (history, diff, restore):
        app.command(command.__name__)(command)


def print_history(kind: Kind, key: str, data_dir: Path, as_json: bool) -> None:
    """Print the versions of a document."""
    items = find_server(data_dir).list_all(
        f"/v1/{kind}/{segment(key)}/versions", page=COMPARED, changes=True
    )
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["version", "live", "saved", "by", "changes"],
        [
            (each["version"], "live" if each["live"] else "", at_second(each["created_at"]),
             each["saved_by"], "\n".join(each["changes"]))
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip


def print_diff(
    kind: Kind, key: str, before: int | None, after: int | None, data_dir: Path, as_json: bool
) -> None:
    """Print the differences between two versions of a document."""
    server = find_server(data_dir)
    path = f"/v1/{kind}/{segment(key)}/versions"
    new = after or server.get(path, limit=1).json()["items"][0]["version"]
    old = before or max(new - 1, 1)
    answer = server.get(f"{path}/{old}/diff/{new}")
    if as_json:
        typer.echo(answer.text)
        return
    compared = answer.json()
    typer.echo(f"{key}: version {compared['before']} to version {compared['after']}")
    print_changes(compared["changes"])
    if not compared["changes"]:
        typer.echo("    no changes")


def return_to(kind: Kind, key: str, version: int, data_dir: Path, as_json: bool) -> None:
    """Return to an earlier version of a document."""
    answer = find_server(data_dir).post(f"/v1/{kind}/{segment(key)}/restore", {"version": version})
    if as_json:
        typer.echo(answer.text)
        return
    saved = answer.json()
    for warning in saved["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{key} is as in version {version} again: version {saved['version']}")


def print_changes(changes: list[dict[str, Any]]) -> None:
    """Print changes of a document: a sentence each, and the lines of a changed text."""
    for change in changes:
        typer.echo(f"    {change['sentence']}")
        for line in (change["lines"] or "").splitlines():
            typer.echo(f"      {line}")

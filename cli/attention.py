"""`parcours attention` and `lag`: what needs a person, and how far the engine is behind."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.tables import at_second, print_table


def attention(
    kind: Annotated[
        str | None, typer.Option(help="Only what is of this kind, such as failed or stuck.")
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help="How long ago what failed or was rejected may be; by default 24h."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List what needs a person: since when, how many, why, and the command that helps."""
    answer = find_server(data_dir).get("/v1/attention", kind=kind, within=within)
    if as_json:
        typer.echo(answer.text)
        return
    items = answer.json()["items"]
    if not items:
        typer.echo("nothing needs attention")
        return
    print_table(
        ["kind", "what", "since", "how many", "why", "example", "command"],
        [
            (each["kind"], each["subject"], at_second(each["since"]), _count(each),
             each["reason"] or each["words"], each["example"], each["command"])
            for each in items
        ],
        numbers=["how many"],
    )  # fmt: skip


def _count(item: dict[str, object]) -> str:
    return f"{item['count']}+" if item["at_least"] else str(item["count"])


def lag(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Show how far the engine is behind: the age of the oldest thing of each kind that is due."""
    answer = find_server(data_dir).get("/v1/lag")
    if as_json:
        typer.echo(answer.text)
        return
    print_table(
        ["what", "seconds", "waiting", "words"],
        [
            (each["name"], f"{each['seconds']:.1f}", each["waiting"], each["words"])
            for each in answer.json()["items"]
        ],
        numbers=["seconds", "waiting"],
    )

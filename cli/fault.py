"""`parcours fault`: what went wrong, and what has it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.tables import at_second, print_table

app = typer.Typer(help="Faults of runs, contacts, events and documents.", no_args_is_help=True)


@app.callback()
def faults() -> None:
    """Faults of runs, contacts, events and documents."""


@app.command("list")
def list_(
    contact: Annotated[
        str | None, typer.Option(help="The contact's external id, or our id.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="What has the fault, such as 'journey welcome'.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="The code, such as broken_document.")] = None,
    limit: Annotated[
        int, typer.Option(help="How many to show, the newest first.", min=1, max=500)
    ] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List faults, the newest first: since when, how often they were tried, and when next."""
    answer = find_server(data_dir).get(
        "/v1/faults", contact=contact, subject=subject, code=code, limit=limit
    )
    items = answer.json()["items"]
    if as_json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("no faults")
        return
    print_table(
        [
            "what has it", "contact", "part", "code", "state", "since", "last", "attempts",
            "next try", "detail",
        ],
        [
            (each["subject"], each["contact"] or "", each["part"], each["code"], each["state"],
             at_second(each["since"]), at_second(each["at"]), each["attempts"],
             at_second(each["next_try_at"]), each["detail"])
            for each in items
        ],
        numbers=["attempts"],
    )  # fmt: skip

"""`parcours temporal`: the link that finds runs in Temporal's UI."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.contact_reference import contact_named


def run(
    contact: Annotated[
        str | None,
        typer.Argument(help="The contact's external id, our id of it, its e-mail or its phone."),
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="This run alone.")] = None,
    journey: Annotated[str | None, typer.Option(help="The journey's key.")] = None,
    version: Annotated[int | None, typer.Option(help="The version of the journey.")] = None,
    step: Annotated[str | None, typer.Option(help="The step at which runs stand.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also runs that have ended.")] = False,
    columns: Annotated[
        bool, typer.Option("--columns", help="Also print how the UI gets columns for runs.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Print the link to Temporal's UI that finds runs, each once, and its query."""
    server = find_server(data_dir)
    named = None if contact is None else str(contact_named(server, contact)["id"])
    answer = server.get(
        "/v1/temporal", contact=named, run=run_id, journey=journey, version=version, step=step,
        ended="true" if ended else None,
    )  # fmt: skip
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    typer.echo(found["query"])
    if found["url"] is None:
        typer.echo("PARCOURS_TEMPORAL_UI is not set for the API, so there is no link", err=True)
    else:
        typer.echo(found["url"])
    if columns:
        typer.echo(
            f"\nOnce, in the console of the browser's developer tools on a page of the UI,"
            f" for the columns {', '.join(found['columns'])}:\n\n{found['columns_script']}"
        )

"""`parcours contact remove`: end a contact's runs of one journey, or of all."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.contact_reference import ContactReference, path_of_contact
from cli.errors import ExitCode, refuse
from cli.tables import print_table


def remove(
    contact: ContactReference,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the runs.")],
    journey: Annotated[str | None, typer.Option("--from", help="From this journey.")] = None,
    every: Annotated[bool, typer.Option("--all", help="From all journeys.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """End the active runs of a contact in a journey, or in all. It may enter again."""
    if every == (journey is not None):
        refuse("say --from JOURNEY or --all", ExitCode.USAGE)
    server = find_server(data_dir)
    body: dict[str, Any] = {"reason": reason}
    if journey is not None:
        body["journey"] = journey
    answer = server.post(f"{path_of_contact(server, contact)}/remove", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    if not found["ended"]:
        typer.echo(f"{contact} has no active run" + (f" of {journey}" if journey else ""))
    else:
        print_table(
            ["ended run", "journey", "at step"],
            [(each["run"], each["journey"], each["step"]) for each in found["ended"]],
        )
    if found["kept_entries"]:
        typer.echo(f"entries that were kept and do not come in: {found['kept_entries']}")
    if found["more"]:
        typer.echo("there are more: repeat the command")

"""`parcours contact runs`: where a contact is in every journey."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.contact_reference import ContactReference, path_of_contact
from cli.tables import at_second, print_table


def runs(
    contact: ContactReference,
    ended: Annotated[bool, typer.Option("--ended", help="Runs that have ended, too.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show where a contact is in every journey: each run, its step, and what it waits for."""
    server = find_server(data_dir)
    path = f"{path_of_contact(server, contact)}/runs"
    answer = server.get(path, limit=100, state=None if ended else "active")
    if as_json:
        typer.echo(answer.text)
        return
    items = answer.json()["items"]
    if not items:
        typer.echo(f"{contact} is in no journey")
        return
    print_table(
        ["run", "journey", "version", "state", "step", "since", "until", "why"],
        [
            (each["id"], each["journey"], each["version"], each["state"], each["step"],
             at_second(each["started_at"]),
             at_second(each["waiting"]["until"]) if each["waiting"] else "",
             each["waiting"]["words"] if each["waiting"] else each["outcome"])
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip

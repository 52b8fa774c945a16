"""`parcours contact`: the records of a contact's consents."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.tables import at_second, print_table

app = typer.Typer(help="Contacts.", no_args_is_help=True)

ContactId = Annotated[str, typer.Argument(help="The contact's external id, or our id of it.")]


@app.callback()
def group() -> None:
    """What is known about contacts."""


@app.command("consents")
def consents(contact: ContactId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List every consent that a contact gave, confirmed or withdrew, with the evidence."""
    items = find_server(data_dir).list_all(f"/v1/contacts/{segment(contact)}/consents")
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["at", "topic", "channel", "address", "state", "before", "source", "text", "from"],
        [
            (at_second(each["at"]), each["topic"] or "all", each["channel"], each["address"],
             each["state"], each["previous"], each["source"], each["text"],
             each["request_address"])
            for each in items
        ],
    )  # fmt: skip

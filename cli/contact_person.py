"""`parcours contact export-person`: everything that is held about a contact, for that person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.client import DATA_DIR, DataDir, find_server
from cli.contact_reference import ContactReference, path_of_contact
from cli.errors import refuse


def export_person(
    contact: ContactReference,
    html: Annotated[
        bool, typer.Option("--html", help="As a page to read, in place of JSON.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write. By default it is printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Export everything that is held about a contact, to be handed to that person."""
    server = find_server(data_dir, scope="admin")
    path = path_of_contact(server, contact)
    answer = server.get(f"{path}/export", format="html" if html else "json")
    if to is None:
        typer.echo(answer.text)
        return
    try:
        to.write_text(answer.text, encoding="utf-8")
    except OSError as error:
        refuse(f"{to} cannot be written: {error.strerror or error}")
    typer.echo(f"written to {to}; it holds personal data")

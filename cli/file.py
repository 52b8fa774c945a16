"""`parcours file`: upload, list and remove the files that e-mails attach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.errors import refuse
from cli.tables import print_table

app = typer.Typer(help="Files that e-mails attach or show.", no_args_is_help=True)


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(help="The file, of at most 10 MB.")],
    name: Annotated[
        str | None, typer.Option(help="Its name in documents; that of the file by default.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Its media type; by its name by default.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Upload a file, in the place of an earlier one of that name."""
    server = find_server(data_dir)
    known_as = name or file.name
    try:
        with file.open("rb") as source:
            answer = server.upload(
                f"/v1/files/{segment(known_as)}",
                source,
                kind or "application/octet-stream",
                method="PUT",
            )
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    if as_json:
        typer.echo(answer.text)
        return
    kept = answer.json()
    typer.echo(f"{kept['name']}: {kept['size']} bytes, {kept['content_type']}")


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the uploaded files."""
    items = find_server(data_dir).list_all("/v1/files")
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["name", "bytes", "type", "uploaded"],
        [(each["name"], each["size"], each["content_type"], each["updated_at"]) for each in items],
        numbers=["bytes"],
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The file; no document may attach it.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Remove a file."""
    find_server(data_dir).delete(f"/v1/files/{segment(name)}")
    typer.echo(f"{name}: removed")

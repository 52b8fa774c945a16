"""`parcours coupon`: import codes into pools, and count them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.errors import refuse
from cli.tables import print_table

app = typer.Typer(help="Codes that coupon steps draw.", no_args_is_help=True)

_COUNTS = ("total", "drawn", "redeemed", "left")


@app.command("import")
def import_(
    pool: Annotated[str, typer.Argument(help="The pool; it is created if it is new.")],
    file: Annotated[Path, typer.Argument(help="CSV with a column `code`.")],
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Import codes into a pool, all of the file or nothing. Codes that it has are ignored."""
    server = find_server(data_dir)
    try:
        with file.open("rb") as source:
            answer = server.upload(f"/v1/coupons/{segment(pool)}", source, "text/csv")
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    if as_json:
        typer.echo(answer.text)
        return
    imported = answer.json()
    count = imported["duplicates"]
    duplicates = f", {count} that it had" if count else ""
    typer.echo(f"{pool}: {imported['added']} codes added{duplicates}")


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List pools with the numbers of their codes."""
    items = find_server(data_dir).list_all("/v1/coupons")
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["pool", *_COUNTS],
        [(each["pool"], *(each[count] for count in _COUNTS)) for each in items],
        numbers=list(_COUNTS),
    )

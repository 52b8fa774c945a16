"""`parcours coupon`: import codes into pools, count them, and list who drew them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.errors import refuse
from cli.tables import at_second, print_table

app = typer.Typer(help="Codes that coupon steps draw.", no_args_is_help=True)

_COUNTS = ("total", "drawn", "redeemed", "left")


@app.command("import")
def import_(
    pool: Annotated[str, typer.Argument(help="The pool; it is created if it is new.")],
    file: Annotated[Path, typer.Argument(help="CSV with a column `code`.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be added and refused, add nothing.")
    ] = False,
    skip_bad_lines: Annotated[
        bool, typer.Option("--skip-bad-lines", help="Leave lines without a good code out.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Import codes into a pool, all of the file or nothing. Codes that it has are ignored."""
    server = find_server(data_dir)
    bad_lines = "skip" if skip_bad_lines else "refuse"
    path = f"/v1/coupons/{segment(pool)}?bad_lines={bad_lines}&dry_run={str(dry_run).lower()}"
    try:
        with file.open("rb") as source:
            answer = server.upload(path, source, "text/csv")
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    if as_json:
        typer.echo(answer.text)
        return
    imported = answer.json()
    count = imported["duplicates"]
    duplicates = f", {count} that it had" if count else ""
    refused = f", {imported['refused']} lines left out" if imported["refused"] else ""
    would = " would be" if dry_run else ""
    typer.echo(f"{pool}: {imported['added']} codes{would} added{duplicates}{refused}")
    for each in imported["refusals"]:
        typer.echo(f"    line {each['line']}: {each['message']}")


@app.command("draws")
def draws(
    pool: Annotated[str, typer.Argument(help="The pool.")],
    code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The most that are listed.")] = 50,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the codes that were drawn, those drawn last first. Codes that are left stay hidden."""
    answer = find_server(data_dir).get(f"/v1/coupons/{segment(pool)}/draws", code=code, limit=limit)
    if as_json:
        typer.echo(answer.text)
        return
    print_table(
        ["code", "contact", "journey", "step", "drawn", "redeemed"],
        [
            (each["code"], each["contact"], each["journey"], each["step"],
             at_second(each["drawn_at"]), at_second(each["redeemed_at"]))
            for each in answer.json()["items"]
        ],
    )  # fmt: skip


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

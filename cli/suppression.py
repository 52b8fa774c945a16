"""`parcours suppression`: addresses never to write to again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.parse import urlencode

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.errors import ExitCode, refuse
from cli.tables import at_second, print_table

app = typer.Typer(help="Addresses never to write to again.", no_args_is_help=True)

_PART = 5_000
"""Lines of a file in one call."""
_PATH = "/v1/suppressions"

Address = Annotated[
    str, typer.Argument(help="An e-mail address, or a number such as +33612345678.")
]
ChannelOption = Annotated[
    str | None, typer.Option(help="email or sms; by default what the address looks like.")
]


def _channel(address: str, channel: str | None) -> str:
    return channel or ("email" if "@" in address else "sms")


@app.command("list")
def list_(
    channel: Annotated[str | None, typer.Option(help="email or sms.")] = None,
    reason: Annotated[str | None, typer.Option(help="bounced, complained, stop…")] = None,
    address: Annotated[str | None, typer.Option(help="Only the ones of this address.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List suppressions. Addresses are kept as hashes, so they are not shown."""
    items = find_server(data_dir).list_all(_PATH, channel=channel, reason=reason, address=address)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["channel", "address hash", "reason", "since", "by"],
        [
            (each["channel"], each["address_hash"], each["reason"],
             at_second(each["suppressed_at"]), each["by"] or "")
            for each in items
        ],
    )  # fmt: skip


@app.command("add")
def add(
    address: Address,
    channel: ChannelOption = None,
    reason: Annotated[str, typer.Option(help="Why: a-z, 0-9, - and _.")] = "operator",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Suppress an address: no message of any kind goes to it any more."""
    body = {"channel": _channel(address, channel), "address": address, "reason": reason}
    answer = find_server(data_dir).post(_PATH, body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    since = "suppressed" if answer.status_code == 201 else "was suppressed before"
    typer.echo(f"{address}: {since} on {found['channel']} ({found['reason']})")


@app.command("remove")
def remove(address: Address, channel: ChannelOption = None, data_dir: DataDir = DATA_DIR) -> None:
    """End the suppression of an address. That of a number that answered STOP stays."""
    where = _channel(address, channel)
    query = urlencode({"channel": where, "address": address})
    find_server(data_dir, scope="admin").delete(f"{_PATH}?{query}")
    typer.echo(f"{address}: no longer suppressed on {where}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with the columns address, channel and reason.")],
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Suppress the addresses of a file. Rows that cannot be read are listed; all others count."""
    server = find_server(data_dir)
    totals: dict[str, Any] = {"added": 0, "known": 0, "rejected": []}
    try:
        with file.open("rb") as source:
            for first, part in _parts(source):
                answer = server.upload(f"{_PATH}/import", io.BytesIO(part), "text/csv").json()
                totals["added"] += answer["added"]
                totals["known"] += answer["known"]
                # The first line of each part is the file's own.
                totals["rejected"] += [
                    {**each, "line": each["line"] + first} for each in answer["rejected"]
                ]
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or error}")
    rejected = totals["rejected"]
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
    else:
        typer.echo(f"{totals['added']} addresses suppressed, {totals['known']} were before")
        for each in rejected:
            typer.echo(f"{file}:{each['line']}: {each['message']}", err=True)
    if rejected:
        raise typer.Exit(ExitCode.INVALID)


def _parts(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The file in parts that each begin with its first line; how many lines stand before each."""
    head = source.readline()
    first = 0
    while lines := list(islice(source, _PART)):
        yield first, head + b"".join(lines)
        first += len(lines)
    if not first:
        yield 0, head


@app.command("export")
def export(
    addresses: Annotated[
        bool, typer.Option("--addresses", help="The addresses of contacts, in clear.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print all suppressions as CSV: hashes, which `import` takes back on this installation."""
    server = find_server(data_dir, scope="admin")
    wanted = {"addresses": "true"} if addresses else {}
    typer.echo(server.get(f"{_PATH}/export", **wanted).text, nl=False)

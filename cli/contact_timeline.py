"""`parcours contact timeline`: all that happened to a contact, in sentences."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.contact_reference import ContactReference, path_of_contact
from cli.tables import at_second, print_table, screen


def timeline(
    contact: ContactReference,
    from_: Annotated[
        str | None, typer.Option("--from", help="Only from this time on, in RFC 3339.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Only before this time.")] = None,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="event, change, group, segment, entry, refusal, visit, message, consent, coupon,"
            " merge, repair or end.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The items to list.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List all that happened to a contact, the newest first."""
    server = find_server(data_dir)
    answer = server.get(
        f"{path_of_contact(server, contact)}/timeline",
        **{"from": from_, "to": to, "type": type_, "limit": limit, "cursor": cursor},
    )
    if as_json:
        typer.echo(answer.text)
        return
    page = answer.json()
    print_table(
        ["at", "type", "what", "message"],
        [
            (at_second(each["at"]), each["type"], each["sentence"],
             each["message"] if each["type"] == "message" else None)
            for each in page["items"]
        ],
    )  # fmt: skip
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)

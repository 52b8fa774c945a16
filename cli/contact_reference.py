"""Contacts as commands name them: by an id, an e-mail address or a phone number."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import Server, segment
from cli.errors import ExitCode, refuse

ContactReference = Annotated[
    str, typer.Argument(help="The contact's external id, our id of it, its e-mail or its phone.")
]


def contacts_named(server: Server, reference: str) -> list[dict[str, Any]]:
    """The contact with this id, else all with this address. Ends the command if there is none."""
    known = server.find(f"/v1/contacts/{segment(reference)}")
    if known is not None:
        return [known.json()]
    found: list[dict[str, Any]] = []
    if "@" in reference:
        found = server.list_all("/v1/contacts", email=reference)
    elif reference.startswith("+"):
        found = server.list_all("/v1/contacts", phone=reference)
    if not found:
        refuse(
            f"there is no contact {reference!r}, by id, e-mail address or phone number",
            ExitCode.NOT_FOUND,
        )
    return found


def contact_named(server: Server, reference: str) -> dict[str, Any]:
    """The one contact with this id or address. Ends the command if there are several, or none."""
    found = contacts_named(server, reference)
    if len(found) > 1:
        ids = ", ".join(str(each["external_id"] or each["id"]) for each in found[:20])
        refuse(f"{len(found)} contacts have {reference}; name one by its id: {ids}")
    return found[0]


def path_of_contact(server: Server, reference: str) -> str:
    """The path of the one contact with this id or address, in the API."""
    return f"/v1/contacts/{segment(contact_named(server, reference)['id'])}"

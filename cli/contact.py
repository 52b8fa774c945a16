"""`parcours contact`: a contact's consents, and its restriction."""

from __future__ import annotations

from pathlib import Path
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


Reason = Annotated[str, typer.Option(help="Why; it is kept with the change.")]


@app.command("restrict")
def restrict(
    contact: ContactId, reason: Reason, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """Restrict a contact: nothing is sent, and no journey is begun."""
    _set_restricted(contact, reason, data_dir, as_json, restricted=True)


@app.command("unrestrict")
def unrestrict(
    contact: ContactId, reason: Reason, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """End the restriction of a contact. What was refused and skipped meanwhile stays so."""
    _set_restricted(contact, reason, data_dir, as_json, restricted=False)


def _set_restricted(
    contact: str, reason: str, data_dir: Path, as_json: bool, *, restricted: bool
) -> None:
    server = find_server(data_dir)
    # A PUT would make an unknown contact.
    known = server.get(f"/v1/contacts/{segment(contact)}").json()
    body = {"restricted": restricted, "reason": reason}
    answer = server.put(f"/v1/contacts/{segment(known['id'])}", body)
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"{contact}: {'restricted' if restricted else 'no longer restricted'}")


@app.command("merge")
def merge(
    contact: ContactId,
    other: Annotated[str, typer.Argument(help="The other one's external id, or our id of it.")],
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the merge.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Make one contact of two. The older one survives; it cannot be undone."""
    body = {"from": other, **({} if reason is None else {"reason": reason})}
    answer = find_server(data_dir).post(f"/v1/contacts/{segment(contact)}/merge", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    kept = found["contact"]["external_id"] or found["contact"]["id"]
    if not found["merged"]:
        typer.echo(f"{contact} and {other} are one contact already: {kept}")
        return
    typer.echo(f"{kept} has everything of both from now on")
    if found["ended_runs"]:
        typer.echo(f"ended as merged: {', '.join(found['ended_runs'])}")
    if found["left_out"]:
        typer.echo(f"attributes without room: {', '.join(found['left_out'])}", err=True)

"""`parcours contact`: contacts found, shown, restricted and merged, and their consents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import contact_export, contact_import
from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.contact_reference import ContactReference, contacts_named, path_of_contact
from cli.tables import at_second, print_table, screen

app = typer.Typer(help="Contacts.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """What is known about contacts."""


app.command("import")(contact_import.import_)
app.command("export")(contact_export.export)


@app.command("consents")
def consents(
    contact: ContactReference, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """List every consent that a contact gave, confirmed or withdrew, with the evidence."""
    server = find_server(data_dir)
    items = server.list_all(f"{path_of_contact(server, contact)}/consents")
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


@app.command("list")
def list_(
    email: Annotated[str | None, typer.Option(help="With this e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="With this phone number.")] = None,
    in_segment: Annotated[str | None, typer.Option("--segment", help="Of this segment.")] = None,
    in_group: Annotated[str | None, typer.Option("--group", help="Of this group.")] = None,
    q: Annotated[
        str | None, typer.Option("--q", help="How the id, the e-mail or the phone begins.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The contacts to list.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List contacts, those that came first at the top."""
    answer = find_server(data_dir).get(
        "/v1/contacts", email=email, phone=phone, segment=in_segment, group=in_group, q=q,
        limit=limit, cursor=cursor,
    )  # fmt: skip
    if as_json:
        typer.echo(answer.text)
        return
    page = answer.json()
    _print_contacts(page["items"])
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)


@app.command("show")
def show(contact: ContactReference, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Show a contact; all of them, if several have the address."""
    found = contacts_named(find_server(data_dir), contact)
    if as_json:
        typer.echo(as_page(found) if len(found) > 1 else json.dumps(found[0], ensure_ascii=False))
        return
    if len(found) > 1:
        _print_contacts(found)
        typer.echo(f"{len(found)} contacts have {contact}: show one by its id")
        return
    [one] = found
    shared = one.pop("shares_email_with")
    marked = {name: f"from the {source}" for name, source in one.pop("derived").items()}
    attributes = one.pop("attributes")
    rows = [(name, value, marked.get(name)) for name, value in {**one, **attributes}.items()]
    print_table(["", "value", ""], rows)
    if shared:
        typer.echo(
            f"{shared} more contacts have this e-mail address: parcours contact list --email"
        )


@app.command("attributes")
def attributes(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the attributes that contacts have: types, examples, and how many have each."""
    server = find_server(data_dir)
    first = server.get("/v1/attributes", limit=1).json()
    items = server.list_all("/v1/attributes")
    if as_json:
        typer.echo(json.dumps({**first, "items": items, "next": None}, ensure_ascii=False))
        return
    print_table(
        ["attribute", "types", "contacts", "examples"],
        [
            (each["name"], ", ".join(each["types"]), each["contacts"],
             ", ".join(json.dumps(value, ensure_ascii=False) for value in each["examples"]))
            for each in items
        ],
        numbers=["contacts"],
    )  # fmt: skip
    if not first["exact"]:
        typer.echo(f"Estimated from {first['read']} of {first['contacts']} contacts.")


@app.command("changes")
def changes(
    contact: ContactReference,
    name: Annotated[
        str | None, typer.Option(help="Of this field or attribute alone, such as score.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The events to list.")] = 50,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List how a contact's score, lifecycle and other values changed, the newest first."""
    server = find_server(data_dir)
    path = path_of_contact(server, contact)
    answer = server.get(f"{path}/changes", name=name, limit=limit)
    if as_json:
        typer.echo(answer.text)
        return
    print_table(
        ["at", "name", "from", "to", "reason"],
        [
            (at_second(each["at"]), each["name"], each["from"], each["to"],
             each["reason"] or ("a merge" if each["merged"] else None))
            for each in answer.json()["items"]
        ],
    )  # fmt: skip


def _print_contacts(found: list[dict[str, Any]]) -> None:
    print_table(
        ["contact", "e-mail", "phone", "country", "restricted", "since"],
        [
            (each["external_id"] or each["id"], each["email"], each["phone"], each["country"],
             "yes" if each["restricted"] else None, at_second(each["created_at"]))
            for each in found
        ],
    )  # fmt: skip


Reason = Annotated[str, typer.Option(help="Why; it is kept with the change.")]


@app.command("restrict")
def restrict(
    contact: ContactReference, reason: Reason, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """Restrict a contact: nothing is sent, and no journey is begun."""
    _set_restricted(contact, reason, data_dir, as_json, restricted=True)


@app.command("unrestrict")
def unrestrict(
    contact: ContactReference, reason: Reason, data_dir: DataDir = DATA_DIR, as_json: AsJson = False
) -> None:
    """End the restriction of a contact. What was refused and skipped meanwhile stays so."""
    _set_restricted(contact, reason, data_dir, as_json, restricted=False)


def _set_restricted(
    contact: str, reason: str, data_dir: Path, as_json: bool, *, restricted: bool
) -> None:
    server = find_server(data_dir)
    # A PUT would make an unknown contact.
    path = path_of_contact(server, contact)
    answer = server.put(path, {"restricted": restricted, "reason": reason})
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"{contact}: {'restricted' if restricted else 'no longer restricted'}")


@app.command("merge")
def merge(
    contact: Annotated[str, typer.Argument(help="The contact's external id, or our id of it.")],
    other: Annotated[str, typer.Argument(help="The other one's external id, or our id of it.")],
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the merge.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Make one contact of two. The older one survives; it cannot be undone."""
    body = {
        "from": other,
        **({} if reason is None else {"reason": reason}),
        **({"dry_run": True} if dry_run else {}),
    }
    answer = find_server(data_dir).post(f"/v1/contacts/{segment(contact)}/merge", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    kept = found["contact"]["external_id"] or found["contact"]["id"]
    if not found["merged"]:
        typer.echo(f"{contact} and {other} are one contact already: {kept}")
        return
    typer.echo(f"{kept} {'would have' if dry_run else 'has'} everything of both from now on")
    if found["ended_runs"]:
        ended = "would end" if dry_run else "ended"
        typer.echo(f"{ended} as merged: {', '.join(found['ended_runs'])}")
    if found["left_out"]:
        typer.echo(f"attributes without room: {', '.join(found['left_out'])}", err=True)

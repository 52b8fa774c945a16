"""`parcours contact erase`: erase a contact, and show what was done."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server
from cli.contact_reference import ContactReference, path_of_contact
from cli.errors import ExitCode, refuse
from cli.tables import at_second, print_pairs, print_table

_LOOK_EVERY = 0.5
_WAIT = 120.0
"""Seconds for which the command waits for the job; it goes on without the command."""


def erase(
    contact: ContactReference,
    suppress: Annotated[
        bool,
        typer.Option(
            "--suppress", help="Also suppress its addresses, so that nothing is ever sent to them."
        ),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Count what would be removed, and erase nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Erase a contact with all its data, and wait for the report. This cannot be undone."""
    server = find_server(data_dir, scope="admin")
    path = path_of_contact(server, contact)
    if preview:
        _preview(server, path, as_json=as_json)
        return
    if not yes and not typer.confirm(
        f"Erase {contact} with all events, runs and messages? This cannot be undone."
    ):
        refuse("nothing was erased", ExitCode.REFUSED)
    query = f"?{urlencode({'suppress': 'true'})}" if suppress else ""
    report = _finished(server, server.delete(f"{path}{query}").headers["Location"])
    if as_json:
        typer.echo(report.text)
        return
    _print(report.json())


def _preview(server: Server, path: str, *, as_json: bool) -> None:
    answer = server.get(f"{path}/erasure")
    if as_json:
        typer.echo(answer.text)
        return
    held = answer.json()
    print_table(
        ["held", "rows"],
        [
            (kind, f"{rows} or more" if kind in held["more"] else rows)
            for kind, rows in sorted(held["rows"].items())
        ],
        numbers=["rows"],
    )


def _finished(server: Server, path: str) -> Any:
    """The answer with the report, once the job has ended, or after some minutes."""
    until = time.monotonic() + _WAIT
    while True:
        answer = server.get(path)
        if answer.json()["state"] == "done" or time.monotonic() > until:
            return answer
        time.sleep(_LOOK_EVERY)


def _print(report: dict[str, Any]) -> None:
    print_pairs(
        [
            ("erasure", report["id"]),
            ("state", report["state"]),
            ("requested", at_second(report["requested_at"])),
            ("by", report["requested_by"]),
            ("finished", at_second(report["finished_at"])),
            ("suppressed", f"{report['suppressed']} addresses"),
            ("job", report["job"]),
        ]
    )
    print_table(["removed", "rows"], sorted(report["removed"].items()), numbers=["rows"])
    if report["state"] != "done":
        typer.echo(
            "The contact is gone; a worker removes what is left. Without one nothing goes on."
        )

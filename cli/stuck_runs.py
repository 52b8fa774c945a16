"""Runs that make no progress, as `parcours run list --stuck` prints them."""

from __future__ import annotations

import typer

from cli.client import Server
from cli.tables import at_second, print_table


def print_stuck(server: Server, journey: str | None, limit: int, *, as_json: bool) -> None:
    """Print the runs that were due and have not gone on, those of the longest time first."""
    answer = server.get("/v1/runs/stuck", journey=journey, limit=limit)
    if as_json:
        typer.echo(answer.text)
        return
    items = answer.json()["items"]
    if not items:
        typer.echo("no run is stuck")
        return
    print_table(
        ["run", "journey", "version", "contact", "step", "since", "why"],
        [
            (each["id"], each["journey"], each["version"], each["contact"], each["step"],
             at_second(each["since"]), each["reason"])
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip

"""`parcours journey history|diff|activate`: the versions of a journey."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.document_versions import COMPARED, print_changes
from cli.in_flight import Flight, InFlight, Map, Overdue, in_flight_policy, overdue_policy
from cli.tables import at_second, print_table

JourneyKey = Annotated[str, typer.Argument(help="The journey's key.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to `parcours journey`."""
    app.command("history")(history)
    app.command("diff")(diff)
    app.command("activate")(activate)


def history(key: JourneyKey, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the versions of a journey: who saved and activated them, and what each changed."""
    items = find_server(data_dir).list_all(
        f"/v1/journeys/{segment(key)}/versions", page=COMPARED, changes=True
    )
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["version", "live", "active runs", "saved", "activated", "changes"],
        [
            (each["version"], "live" if each["live"] else "", each["active_runs"],
             _by(each["created_at"], each["saved_by"]),
             "\n".join(_by(time["since"], time["by"]) for time in each["live_times"]),
             "\n".join(each["changes"]))
            for each in items
        ],
        numbers=["version", "active runs"],
    )  # fmt: skip


def diff(
    key: JourneyKey,
    before: Annotated[
        int | None, typer.Option(min=1, help="The older version; by default the live one.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=1, help="The newer version; by default the newest.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions of a journey."""
    answer = find_server(data_dir).get(
        f"/v1/journeys/{segment(key)}/diff", before=before, after=after
    )
    if as_json:
        typer.echo(answer.text)
        return
    compared = answer.json()
    typer.echo(f"{key}: version {compared['before']} to version {compared['after']}")
    print_changes(compared["changes"])
    if not compared["changes"]:
        typer.echo("    no changes")


def activate(
    key: JourneyKey,
    version: Annotated[
        int | None, typer.Option(min=1, help="The version; by default the newest.")
    ] = None,
    in_flight: Flight = InFlight.PIN,
    mapped: Map = [],  # noqa: B006 - typer's way to say none
    overdue: Overdue = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Make a version live, also of an archived journey, which takes entries again."""
    body = {
        "version": version,
        "in_flight": in_flight_policy(in_flight, mapped),
        "overdue": overdue_policy(overdue),
    }
    answer = find_server(data_dir).post(f"/v1/journeys/{segment(key)}/activate", body)
    if as_json:
        typer.echo(answer.text)
        return
    journey = answer.json()
    typer.echo(f"journey {key} is {journey['state']}, version {journey['version']} is live")
    if journey["job"]:
        typer.echo(f"the runs in flight move: job {journey['job']}")


def _by(time: str, name: str | None) -> str:
    return f"{at_second(time)} by {name}" if name else f"{at_second(time)}"

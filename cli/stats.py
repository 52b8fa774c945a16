"""`parcours stats`: the counts of a journey's runs, step by step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server, segment
from cli.tables import in_words, print_table, screen
from journeys.protocol.channels import SEND_KINDS

_COUNTS = (
    "reached",
    "waiting",
    "deferred",
    "retrying",
    "sent",
    "skipped",
    "failed",
    "unknown",
    "opened",
    "clicked",
    "unsubscribed",
    "left",
)


def run(
    journey: Annotated[str, typer.Argument(help="The journey's key.")],
    version: Annotated[
        int | None, typer.Option(min=1, help="The version; by default all versions together.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the counts of a journey's steps, and how its runs ended."""
    answer = find_server(data_dir).get(f"/v1/journeys/{segment(journey)}/stats", version=version)
    if as_json:
        typer.echo(answer.text)
        return
    counted = answer.json()
    of = "" if counted["version"] is None else f" version {counted['version']}"
    ends = f"; ended {in_words(counted['ends'])}" if counted["ends"] else ""
    goal = counted["goal"]
    met = f"; goal met {goal['met']}, value {goal['value']}" if goal["met"] else ""
    screen().print(
        f"{counted['journey']}{of}: {counted['entered']} entered,"
        f" {counted['active']} active{ends}{met}",
        soft_wrap=True,
    )
    print_table(
        ["step", "kind", *_COUNTS, "outcomes"],
        [
            (step["id"], step["kind"], *(step[count] or None for count in _COUNTS), _outcomes(step))
            for step in counted["steps"]
        ],
        numbers=[count for count in _COUNTS if count != "skipped"],
    )


def _outcomes(step: dict[str, Any]) -> dict[str, int] | None:
    """The outcomes that no other column counts: cases, arms, how a wait ended."""
    if step["kind"] in SEND_KINDS:
        return None
    outcomes = {name: count for name, count in step["outcomes"].items() if name != "skipped"}
    return outcomes or None

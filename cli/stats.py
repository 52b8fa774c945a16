"""`parcours stats`: the counts of a journey's runs, step by step."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server, segment
from cli.tables import at_second, in_words, print_table, screen
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
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "unsubscribed",
    "left",
)


class By(StrEnum):
    """What a period is divided into."""

    hour = "hour"
    day = "day"


class Cohort(StrEnum):
    """What is of a period."""

    occurrence = "occurrence"
    entered = "entered"


def run(
    journey: Annotated[str, typer.Argument(help="The journey's key.")],
    version: Annotated[
        int | None, typer.Option(min=1, help="The version; by default all versions together.")
    ] = None,
    begins: Annotated[
        str | None, typer.Option("--from", help="A day such as 2026-11-30, or a time.")
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--to", help="Until then, which is not part of it.")
    ] = None,
    by: Annotated[By | None, typer.Option(help="Divide the period.")] = None,
    cohort: Annotated[
        Cohort, typer.Option(help="What happened in the period, or who entered in it.")
    ] = Cohort.occurrence,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the counts of a journey's steps, and how its runs ended."""
    answer = find_server(data_dir).get(
        f"/v1/journeys/{segment(journey)}/stats",
        version=version,
        by=by and by.value,
        cohort=None if cohort is Cohort.occurrence else cohort.value,
        **{"from": begins, "to": ends},
    )
    if as_json:
        typer.echo(answer.text)
        return
    counted = answer.json()
    of = "" if counted["version"] is None else f" version {counted['version']}"
    ended = f"; ended {in_words(counted['ends'])}" if counted["ends"] else ""
    goal = counted["goal"]
    met = f"; goal met {goal['met']}, value {goal['value']}" if goal["met"] else ""
    refused = f"; refused {in_words(counted['refused'])}" if counted["refused"] else ""
    screen().print(
        f"{counted['journey']}{of}{_period(counted)}: {counted['entered']} entered,"
        f" {counted['active']} active{ended}{met}{refused}",
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
    _print_details(counted["steps"])
    if counted.get("periods") is not None:
        _print_periods(counted["periods"])


def _period(counted: dict[str, Any]) -> str:
    """The period of the figures, and what is of it."""
    if counted["from"] is None and counted["to"] is None:
        return ""
    bounds = " ".join(
        f"{word} {at_second(counted[word])}" for word in ("from", "to") if counted[word] is not None
    )
    return f" {bounds} by {'entry' if counted['cohort'] == 'entered' else 'occurrence'}"


def _print_details(steps: list[dict[str, Any]]) -> None:
    """Why sends are deferred or failed, which links were clicked, and rates of what."""
    rows = []
    for step in steps:
        rates = {
            f"{name} of {rate['of']}": f"{rate['value']:.1%}"
            for name, rate in step["rates"].items()
            if rate["count"]
        }
        details = (step["deferred_by"], step["failed_by"], step["links"], rates)
        if any(details):
            rows.append((step["id"], *(each or None for each in details)))
    if rows:
        print_table(["step", "deferred by", "failed by", "links", "rates"], rows)


def _print_periods(periods: list[dict[str, Any]]) -> None:
    print_table(
        ["begins at", "entered", "ended", "goals", "sent", "opened", "clicked"],
        [
            (
                at_second(each["begins_at"]),
                each["entered"],
                sum(each["ends"].values()),
                each["goal"]["met"],
                *(_sum(each["steps"], name) for name in ("sent", "opened", "clicked")),
            )
            for each in periods
        ],
        numbers=["entered", "ended", "goals", "sent", "opened", "clicked"],
    )


def _sum(steps: list[dict[str, Any]], name: str) -> int:
    return sum(step.get(name, 0) for step in steps)


def _outcomes(step: dict[str, Any]) -> dict[str, int] | None:
    """The outcomes that no other column counts: cases, arms, how a wait ended."""
    if step["kind"] in SEND_KINDS:
        return None
    outcomes = {name: count for name, count in step["outcomes"].items() if name != "skipped"}
    return outcomes or None

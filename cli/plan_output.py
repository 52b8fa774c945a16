"""Plans as text for people: the changes, and the preview of runs in flight."""

from __future__ import annotations

from typing import Any

import typer

from cli.document_versions import print_changes
from cli.tables import print_table

REASONS = {
    "pinned": "they keep their version",
    "step_gone": "the step is gone",
    "step_changed": "the step is another kind now",
    "leaving": "an exit rule has fired",
}
"""Why runs keep their version, in words."""
_SIGNS = {"created": "+", "updated": "~", "unchanged": "="}


def print_plan(document: dict[str, Any]) -> None:
    """Print the plan of one document."""
    sign = _SIGNS[document["change"]]
    typer.echo(
        f"{sign} {document['kind']} {document['key']}: {document['change']}"
        f" (version {document['version']}, {document['filename']})"
    )
    print_changes(document["changes"])
    if document["runs"]:
        print_table(
            ["version", "stands at", "runs"],
            [(each["version"], each["step"] or "its start", each["runs"])
             for each in document["runs"]],
            numbers=["version", "runs"],
        )  # fmt: skip
    if document["in_flight"]:
        print_preview(document["in_flight"])
    print_backfills(document)
    for warning in document["warnings"]:
        typer.echo(warning, err=True)


def print_backfills(document: dict[str, Any]) -> None:
    """Print who would enter when a journey goes live, because they are members already."""
    for each in document["backfills"]:
        number = f"{each['enter']:,}" if each["complete"] else f"more than {each['enter']:,}"
        refused = sum(each["refused"].values())
        rest = f", {refused:,} would be refused" if refused else ""
        typer.echo(f"    backfill of {each['of']}: {number} contacts would enter{rest}")


def print_preview(preview: dict[str, Any]) -> None:
    """Print the preview of the runs of a journey."""
    for each in preview["moves"]:
        to = "" if each["to"] == each["step"] else f" → {each['to']}"
        typer.echo(
            f"    {_runs(each['runs'])} at {each['step']}{to}: from version {each['version']}"
            f" to {preview['version']}"
        )
    for each in preview["stays"]:
        typer.echo(
            f"    {_runs(each['runs'])} at {each['step'] or 'its start'}: stay in version"
            f" {each['version']}, {REASONS[each['reason']]}"
        )
    if preview["unlisted"]:
        typer.echo(f"    {_runs(preview['unlisted'])} at other steps: move or stay")
    if preview["failed"]:
        typer.echo(
            f"    {_runs(preview['failed'])} cannot be previewed: each has a fault"
            " (parcours run show)"
        )
    if preview["at_work"]:
        typer.echo(f"    {_runs(preview['at_work'])} at work: judged when they next stand still")
    if preview["leaves_at_once"]:
        typer.echo(f"    {_runs(preview['leaves_at_once'])} would leave by an exit at once")
    if preview["ends_at_once"]:
        typer.echo(f"    {_runs(preview['ends_at_once'])} would end their wait at once")
    sent = preview["sent_at_once"]
    if sent["count"]:
        more = ", …" if sent["count"] > len(sent["contacts"]) else ""
        names = ", ".join(sent["contacts"])
        typer.echo(f"    {sent['count']:,} may be sent a message at once: {names}{more}")


def _runs(count: int) -> str:
    return f"{count:,} run" if count == 1 else f"{count:,} runs"

"""`parcours audit`: who changed what, when, and by which way."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.errors import ExitCode, refuse
from cli.tables import at_second, print_table, screen

_SHOWN = 50


def audit(
    since: Annotated[
        str | None, typer.Option(help="Only what was changed since: 7d, 2h or a time in RFC 3339.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before: the same.")] = None,
    journey: Annotated[
        str | None, typer.Option(help="Only changes of this journey and of its runs.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Only changes by this key: its name or its id.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this action, or those of a noun: `journey`.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(help="Only of this: `template:welcome`, `contact:ID`, or a kind alone."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The changes to list.")] = _SHOWN,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print all of them as CSV.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List changes, the newest first: who made them, by which way, and why."""
    if csv and as_json:
        refuse("--csv and --json: give one of them", ExitCode.USAGE)
    server = find_server(data_dir)
    wanted: dict[str, Any] = {
        "from": instant("--since", since),
        "to": instant("--until", until),
        "journey": journey,
        "actor": key,
        "action": action,
        "subject": subject,
    }
    if csv:
        server.print_file("/v1/audit/export", sys.stdout.buffer, format="csv", **wanted)
        return
    if as_json:
        typer.echo(as_page(server.list_all("/v1/audit", **wanted)))
        return
    page = server.get("/v1/audit", limit=limit, cursor=cursor, **wanted).json()
    if not page["items"]:
        typer.echo("nothing was changed" if not any(wanted.values()) else "no such change")
        return
    print_table(
        ["at", "who", "via", "what", "reason"],
        [
            (at_second(each["at"]), each["actor"], each["via"], each["sentence"], each["reason"])
            for each in page["items"]
        ],
    )
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)


def instant(option: str, text: str | None) -> str | None:
    """A time of RFC 3339; a duration is counted back from now."""
    from zoneinfo import ZoneInfo

    from journeys.time.durations import Duration

    if text is None or (text[:4].isdigit() and "-" in text):
        return text
    now = datetime.now(UTC)
    try:
        # A duration forward is as long as one back, but for the lengths of months.
        length = Duration.parse(text).add_to(now, ZoneInfo("UTC")) - now
        return (now - length).isoformat()
    except (ValueError, OverflowError) as error:
        refuse(f"{option}: {error}; or a time such as 2026-11-24T08:30:00Z", ExitCode.USAGE)

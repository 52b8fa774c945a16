"""`parcours pause --all` and `resume --all`: stop all journeys, and let them go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.errors import ExitCode, refuse
from cli.in_flight import Overdue, overdue_policy

_All = Annotated[bool, typer.Option("--all", help="All journeys; of one: `journey pause KEY`.")]
_Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


def pause(
    reason: _Reason,
    every: _All = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Pause all active journeys. Those that were paused before are remembered as that."""
    _change(every, "pause", {"reason": reason}, data_dir, as_json)


def resume(
    reason: _Reason,
    every: _All = False,
    overdue: Overdue = "send",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Resume exactly the journeys that `pause --all` has paused."""
    body = {"reason": reason, "overdue": overdue_policy(overdue)}
    _change(every, "resume", body, data_dir, as_json)


def _change(every: bool, verb: str, body: dict[str, Any], data_dir: Any, as_json: bool) -> None:
    if not every:
        refuse(f"say --all; of one journey: parcours journey {verb} KEY", ExitCode.USAGE)
    answer = find_server(data_dir).post(f"/v1/{verb}", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    names = ", ".join(found["journeys"]) or "none"
    typer.echo(f"{verb}d: {names}")
    for job in found["jobs"]:
        typer.echo(f"what was deferred goes out: parcours job show {job}")

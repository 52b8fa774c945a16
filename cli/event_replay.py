"""`parcours event replay|dismiss`: what was rejected, refused or given up, once more or no more."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, Final

import typer

from cli.audit import instant
from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.errors import ExitCode, refuse

_DEAD: Final = re.compile(r"dead\.([0-9]{1,18})")

_Id = Annotated[
    str | None,
    typer.Argument(help="The id that `event rejected`, `event dead` or `log` shows."),
]
_Dead = Annotated[bool, typer.Option("--dead", help="Many: events whose dispatch was given up.")]
_Code = Annotated[str | None, typer.Option(help="Many: those of this code alone.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Many: do not ask after the preview.")]
_Preview = Annotated[
    bool, typer.Option("--preview", help="Many: change nothing, and say what would be done.")
]


def replay(
    rejection: _Id = None,
    ignore_age: Annotated[
        bool, typer.Option(help="Take an event that is older than the entry's max_age.")
    ] = False,
    dead: _Dead = False,
    journey: Annotated[
        str | None, typer.Option(help="Many: entries that this journey refused, by --code.")
    ] = None,
    code: _Code = None,
    since: Annotated[
        str | None, typer.Option(help="Many: entries refused since: 2h, a time in RFC 3339.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; the audit log has it.")] = None,
    yes: _Yes = False,
    preview: _Preview = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Take a rejected call after all, let refused entries in, or dispatch dead events again.

    One by its id; dead events by --dead; refused entries by --journey and --code.
    """
    given = [rejection is not None, dead, journey is not None]
    if sum(given) != 1:
        refuse("give an id, --dead, or --journey with --code", ExitCode.USAGE)
    server = find_server(data_dir)
    more: dict[str, Any] = {} if reason is None else {"reason": reason}
    if rejection is not None:
        if found := _DEAD.fullmatch(rejection):
            body = {"events": [int(found[1])], **more}
            _print(server.post("/v1/events/dead/replay", body), as_json)
            return
        answer = server.post(
            f"/v1/events/rejected/{segment(rejection)}/replay", {"ignore_age": ignore_age}
        )
        if as_json:
            typer.echo(answer.text)
            return
        run = answer.json()["run"]
        typer.echo(f"{rejection}: replayed" + (f", it began run {run}" if run else ""))
        return
    if dead:
        _of_many(server, "/v1/events/dead/replay", {"code": code, **more}, yes, preview, as_json)
        return
    if code is None:
        refuse("--journey: give the --code of the refusals, such as paused", ExitCode.USAGE)
    wanted = {
        "journey": journey,
        "code": code,
        "since": instant("--since", since),
        "ignore_age": ignore_age,
        **more,
    }
    _of_many(server, "/v1/events/refused/replay", wanted, yes, preview, as_json)


def dismiss(
    reason: Annotated[str, typer.Option(help="Why; the audit log has it.")],
    event: Annotated[str | None, typer.Argument(help="The id that `event dead` shows.")] = None,
    code: _Code = None,
    yes: _Yes = False,
    preview: _Preview = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Take dead events off the list for good: one by its id, or many by --code."""
    if (event is None) == (code is None):
        refuse("give an id, or --code", ExitCode.USAGE)
    server = find_server(data_dir)
    path = "/v1/events/dead/dismiss"
    if event is None:
        _of_many(server, path, {"code": code, "reason": reason}, yes, preview, as_json)
        return
    found = _DEAD.fullmatch(event)
    if found is None:
        refuse(f"{event!r} is no id of a dead event, such as dead.17", ExitCode.USAGE)
    _print(server.post(path, {"events": [int(found[1])], "reason": reason}), as_json)


def _of_many(
    server: Server, path: str, body: dict[str, Any], yes: bool, preview: bool, as_json: bool
) -> None:
    """Say what would be done, ask, and do it call by call."""
    before = server.post(path, {**body, "preview": True})
    found = before.json()
    if preview or not found.get("count", found.get("found")):
        _print(before, as_json)
        return
    if not as_json:
        typer.echo(found["words"])
    if not yes:
        if not sys.stdin.isatty():
            refuse("nothing was done: repeat it with --yes", ExitCode.USAGE)
        if not typer.confirm("Do it?", err=True):
            refuse("nothing was done", ExitCode.REFUSED)
    while True:
        answer = server.post(path, body)
        _print(answer, as_json)
        done = answer.json()
        if "next" in done and done["next"] is not None:
            body = {**body, "cursor": done["next"]}
        elif not (done.get("more") and done["count"]):
            return


def _print(answer: Any, as_json: bool) -> None:
    typer.echo(answer.text if as_json else answer.json()["words"])

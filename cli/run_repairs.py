"""`parcours run retry|skip|goto|exit|cancel`: repair one run, or many with a preview."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.bulk_repair import ManyRuns, repair_many
from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.errors import ExitCode, refuse

_ID_LENGTH: Final = 36
_PREFIX: Final = re.compile("[0-9a-fA-F-]{4,35}")
_DONE: Final = {
    "retry": "tries at once the send of",
    "skip": "skipped the step of",
    "goto": "sent to {to}",
    "exit": "ended",
    "cancel": "cancelled",
}

RunId = Annotated[str, typer.Argument(help="The run's id, or how it begins.")]
_OneRun = Annotated[
    str | None, typer.Argument(help="The run's id, or how it begins. Without it: many runs.")
]
_Reason = Annotated[
    str, typer.Option(help="Why; it is kept with the run, with the name of the key.")
]
_Visit = Annotated[
    int | None,
    typer.Option(help="The visit at which the run was seen. By default the one at which it is."),
]
_Journey = Annotated[str | None, typer.Option(help="Many: the runs of this journey.")]
_Step = Annotated[str | None, typer.Option(help="Many: those that are at this step.")]
_Code = Annotated[
    str | None, typer.Option(help="Many: those whose last attempt at a send came to this code.")
]
_Held = Annotated[
    str | None, typer.Option(help="Many: those whose send is deferred for this reason.")
]
_Since = Annotated[
    str | None,
    typer.Option(help="Many: those that came to their step, or failed, since this instant."),
]
_Contacts = Annotated[
    Path | None, typer.Option(help="Many: those of these contacts: an id on each line.")
]
_Rate = Annotated[float | None, typer.Option(help="Many: runs per second; by default 50.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Many: do not ask after the preview.")]
_Preview = Annotated[
    bool, typer.Option("--preview", help="Many: repair nothing, and say what would be done.")
]
_Wait = Annotated[bool, typer.Option("--wait", help="Many: wait for the end of the job.")]


def retry(
    reason: _Reason,
    run: _OneRun = None,
    visit: _Visit = None,
    may_arrive_twice: Annotated[
        bool,
        typer.Option(
            "--may-arrive-twice",
            help="Also send what the provider may have taken (`unknown`).",
        ),
    ] = False,
    journey: _Journey = None,
    step: _Step = None,
    code: _Code = None,
    held: _Held = None,
    since: _Since = None,
    contacts: _Contacts = None,
    rate: _Rate = None,
    yes: _Yes = False,
    preview: _Preview = False,
    wait: _Wait = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Try a send at once, or send a failed message again. All checks of a send are made again."""
    many = ManyRuns(journey, step, code, held, since, contacts, rate, yes, preview, wait)
    more: dict[str, Any] = {"may_arrive_twice": True} if may_arrive_twice else {}
    _repair(data_dir, run, "retry", reason, visit, many, as_json, **more)


def skip(
    reason: _Reason,
    run: _OneRun = None,
    visit: _Visit = None,
    journey: _Journey = None,
    step: _Step = None,
    code: _Code = None,
    held: _Held = None,
    since: _Since = None,
    contacts: _Contacts = None,
    rate: _Rate = None,
    yes: _Yes = False,
    preview: _Preview = False,
    wait: _Wait = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Skip the wait or the send at which runs stand: they go on with the next step."""
    many = ManyRuns(journey, step, code, held, since, contacts, rate, yes, preview, wait)
    _repair(data_dir, run, "skip", reason, visit, many, as_json)


def goto(
    reason: _Reason,
    run: _OneRun = None,
    step: Annotated[
        str | None,
        typer.Option(help="The step to go to; of many runs, the one at which they are."),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Many: the id of the step to go to.")] = None,
    visit: _Visit = None,
    journey: _Journey = None,
    code: _Code = None,
    held: _Held = None,
    since: _Since = None,
    contacts: _Contacts = None,
    rate: _Rate = None,
    yes: _Yes = False,
    preview: _Preview = False,
    wait: _Wait = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Let runs that stand at a wait or a send go on with another step."""
    if run is None:
        if to is None:
            refuse("say by --to to which step the runs go", ExitCode.USAGE)
        many = ManyRuns(journey, step, code, held, since, contacts, rate, yes, preview, wait)
        _repair(data_dir, None, "goto", reason, visit, many, as_json, target=to)
        return
    target = to or step
    if target is None or (to is not None and step is not None):
        refuse("say by --step to which step the run goes", ExitCode.USAGE)
    many = ManyRuns(journey, None, code, held, since, contacts, rate, yes, preview, wait)
    _repair(data_dir, run, "goto", reason, visit, many, as_json, step=target)


def exit_(
    reason: _Reason,
    run: _OneRun = None,
    visit: _Visit = None,
    journey: _Journey = None,
    step: _Step = None,
    code: _Code = None,
    held: _Held = None,
    since: _Since = None,
    contacts: _Contacts = None,
    rate: _Rate = None,
    yes: _Yes = False,
    preview: _Preview = False,
    wait: _Wait = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """End runs, wherever they are. What they are sending at this moment is still recorded."""
    many = ManyRuns(journey, step, code, held, since, contacts, rate, yes, preview, wait)
    _repair(data_dir, run, "exit", reason, visit, many, as_json)


def cancel(
    reason: _Reason,
    run: _OneRun = None,
    visit: _Visit = None,
    journey: _Journey = None,
    step: _Step = None,
    code: _Code = None,
    held: _Held = None,
    since: _Since = None,
    contacts: _Contacts = None,
    rate: _Rate = None,
    yes: _Yes = False,
    preview: _Preview = False,
    wait: _Wait = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Cancel runs, as the cancellation of their workflows in Temporal does."""
    many = ManyRuns(journey, step, code, held, since, contacts, rate, yes, preview, wait)
    _repair(data_dir, run, "cancel", reason, visit, many, as_json)


def full_id(server: Server, run: str) -> str:
    """The id of the run that begins so. Ends the command if there is none, or more than one."""
    if len(run) == _ID_LENGTH:
        return run
    if not _PREFIX.fullmatch(run):
        refuse(
            f"{run!r} is no id of a run, and no beginning of one: 4 characters at least",
            ExitCode.NOT_FOUND,
        )
    found = server.get("/v1/runs", prefix=run, limit=2).json()["items"]
    if not found:
        refuse(f"there is no run whose id begins with {run}", ExitCode.NOT_FOUND)
    if len(found) > 1:
        refuse(f"several runs begin with {run}: give more of the id", ExitCode.USAGE)
    return str(found[0]["id"])


def _repair(
    data_dir: Path,
    run: str | None,
    action: str,
    reason: str,
    visit: int | None,
    many: ManyRuns,
    as_json: bool,
    **more: Any,
) -> None:
    server = find_server(data_dir)
    if run is None:
        if visit is not None:
            refuse("--visit goes with one run", ExitCode.USAGE)
        if many.journey is None and many.contacts is None:
            refuse(
                "say which run by its id, or which ones by --journey or --contacts", ExitCode.USAGE
            )
        body = {"action": action, "reason": reason, **many.given, **more}
        repair_many(server, action, body, many, as_json=as_json)
        return
    if many.given or many.preview or many.wait:
        refuse("the options of many runs go without the id of one", ExitCode.USAGE)
    body = {"reason": reason, **more}
    if visit is not None:
        body["visit"] = visit
    path = f"/v1/runs/{segment(full_id(server, run))}/{action}"
    if action == "retry":
        answer = retry_confirmed(server, path, body, yes=many.yes)
    else:
        answer = server.post(path, body)
    if as_json:
        typer.echo(answer.text)
        return
    made = answer.json()
    where = f" at {made['step']} (visit {made['visit']})" if made["step"] else ""
    if made.get("job"):
        typer.echo(f"sends the message again of run {made['run']}{where}: job {made['job']}")
        return
    typer.echo(f"{_DONE[action].format(**made)} run {made['run']}{where}")


def retry_confirmed(server: Server, path: str, body: dict[str, Any], *, yes: bool = False) -> Any:
    """The answer to a retry. If the message may arrive twice, the person at the terminal is asked.

    `yes` does not answer that question: it needs `--may-arrive-twice`.
    """
    if yes or body.get("may_arrive_twice") or not sys.stdin.isatty():
        return server.post(path, body)
    answer = server.post_unless(path, body, "unconfirmed")
    if answer is not None:
        return answer
    if not typer.confirm(
        "The provider may have taken this message, so it may arrive twice. Send it again?",
        err=True,
    ):
        refuse("nothing was sent", ExitCode.REFUSED)
    return server.post(path, {**body, "may_arrive_twice": True})

"""`parcours run`: start runs, list them, show one with its visits and facts, and repair one."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.bulk_start import BulkStart, start_many
from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.errors import ExitCode, refuse
from cli.stuck_runs import print_stuck
from cli.tables import at_second, print_pairs, print_table, screen

_ID_LENGTH = 36
_PREFIX = re.compile("[0-9a-fA-F-]{4,35}")

app = typer.Typer(help="Contacts' passages through journeys.", no_args_is_help=True)


RunId = Annotated[str, typer.Argument(help="The run's id, or how it begins.")]
Reason = Annotated[
    str, typer.Option(help="Why; it is kept with the run, with the name of the key.")
]
Visit = Annotated[
    int | None,
    typer.Option(help="The visit at which the run was seen. By default the one at which it is."),
]


class State(StrEnum):
    """The state of a run."""

    ACTIVE = "active"
    ENDED = "ended"


@app.command("start")
def start(
    journey: Annotated[str, typer.Argument(help="The journey's key.")],
    contact: Annotated[
        str | None, typer.Option(help="The contact's external id, or our id.")
    ] = None,
    properties: Annotated[
        str, typer.Option(help="The properties of `entry` in the run, as a JSON object.")
    ] = "{}",
    idempotency_key: Annotated[
        str | None, typer.Option(help="A command with the same key gets the first answer again.")
    ] = None,
    of_segment: Annotated[
        str | None, typer.Option("--segment", help="Start runs of all contacts of this segment.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Start runs of all contacts of this group.")
    ] = None,
    condition: Annotated[
        Path | None,
        typer.Option("--if", help="Start runs of all contacts for which this condition holds."),
    ] = None,
    contacts: Annotated[
        Path | None, typer.Option(help="Start runs of these contacts: an id on each line.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Contacts that enter per second; by default 200.")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Start nothing, and say how many would enter.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Start a run of an active journey, or runs of many contacts by a job."""
    many = BulkStart(of_segment, group, condition, contacts)
    if many.choices + (contact is not None) != 1:
        refuse("say one of --contact, --contacts, --segment, --group and --if", ExitCode.USAGE)
    if many.choices:
        body = many.body(_json_object(properties), rate)
        start_many(find_server(data_dir), journey, body, preview=preview, as_json=as_json)
        return
    if preview or rate is not None:
        refuse("--preview and --rate go with many contacts, not with --contact", ExitCode.USAGE)
    body = {"contact": contact, "properties": _json_object(properties)}
    if idempotency_key is not None:
        body["idempotency_key"] = idempotency_key
    answer = find_server(data_dir).post(f"/v1/journeys/{segment(journey)}/runs", body)
    if as_json:
        typer.echo(answer.text)
        return
    started = answer.json()
    print_pairs([("run", started["id"]), ("workflow", started["workflow_id"])])


@app.command("list")
def list_(
    contact: Annotated[
        str | None, typer.Option(help="The contact's external id, or our id.")
    ] = None,
    journey: Annotated[str | None, typer.Option(help="The journey's key.")] = None,
    state: Annotated[State | None, typer.Option()] = None,
    step: Annotated[
        str | None, typer.Option(help="The id of their step, or of their last one.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The number of runs to list.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only those that are due and make no progress.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first; with --stuck those that make no progress, and since when."""
    if stuck:
        if contact or state or step or cursor:
            refuse("--stuck goes with --journey and --limit alone", ExitCode.USAGE)
        print_stuck(find_server(data_dir), journey, limit, as_json=as_json)
        return
    answer = find_server(data_dir).get(
        "/v1/runs",
        contact=contact,
        journey=journey,
        state=state.value if state else None,
        step=step,
        limit=limit,
        cursor=cursor,
    )
    if as_json:
        typer.echo(answer.text)
        return
    page = answer.json()
    print_table(
        ["run", "journey", "version", "contact", "state", "step", "outcome", "started", "ended"],
        [
            (run["id"], run["journey"], run["version"], run["contact"], run["state"], run["step"],
             _outcome(run), at_second(run["started_at"]), at_second(run["ended_at"]))
            for run in page["items"]
        ],
        numbers=["version"],
    )  # fmt: skip
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)


@app.command("show")
def show(
    run: RunId,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a run: its visits to steps, with outcomes and facts."""
    server = find_server(data_dir)
    answer = server.get(f"/v1/runs/{segment(_full_id(server, run))}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    print_pairs(
        [
            ("run", shown["id"]),
            ("workflow", shown["workflow_id"]),
            ("journey", f"{shown['journey']} version {shown['version']}"),
            ("contact", shown["contact"]),
            ("state", shown["state"]),
            ("step", shown["step"]),
            ("outcome", _outcome(shown) or None),
            ("goal", _goal(shown.get("goal"))),
            ("started", at_second(shown["started_at"])),
            ("ended", at_second(shown["ended_at"])),
        ]
    )
    print_table(
        ["visit", "step", "kind", "outcome", "started", "ended", "facts"],
        [
            (visit["visit"], visit["step"], visit["kind"], _visit_state(visit),
             at_second(visit["started_at"]), at_second(visit["ended_at"]), _facts(visit))
            for visit in shown["visits"]
        ],
        numbers=["visit"],
    )  # fmt: skip
    if shown.get("repairs"):
        print_table(
            ["repaired", "at visit", "step", "to", "why", "by", "when"],
            [
                (each["action"], each["visit"], each["step"], each["to"], each["reason"],
                 each["by"], at_second(each["at"]))
                for each in shown["repairs"]
            ],
            numbers=["at visit"],
        )  # fmt: skip


@app.command("retry")
def retry(
    run: RunId,
    reason: Reason,
    visit: Visit = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Try a send that is being retried at once. All checks of a send are made again."""
    _repair(data_dir, run, "retry", reason, visit, as_json)


@app.command("skip")
def skip(
    run: RunId,
    reason: Reason,
    visit: Visit = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Skip the wait or the send at which a run stands: it goes on with the next step."""
    _repair(data_dir, run, "skip", reason, visit, as_json)


@app.command("goto")
def goto(
    run: RunId,
    reason: Reason,
    step: Annotated[str, typer.Option(help="The id of the step to go to.")],
    visit: Visit = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Let a run that stands at a wait or a send go on with another step."""
    _repair(data_dir, run, "goto", reason, visit, as_json, step=step)


@app.command("exit")
def exit_(
    run: RunId,
    reason: Reason,
    visit: Visit = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """End a run, wherever it is. What it is sending at this moment is still recorded."""
    _repair(data_dir, run, "exit", reason, visit, as_json)


@app.command("cancel")
def cancel(
    run: RunId,
    reason: Reason,
    visit: Visit = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Cancel a run, as the cancellation of its workflow in Temporal does."""
    _repair(data_dir, run, "cancel", reason, visit, as_json)


def _repair(
    data_dir: Path,
    run: str,
    action: str,
    reason: str,
    visit: int | None,
    as_json: bool,
    **more: str,
) -> None:
    server = find_server(data_dir)
    body: dict[str, Any] = {"reason": reason, **more}
    if visit is not None:
        body["visit"] = visit
    path = f"/v1/runs/{segment(_full_id(server, run))}/{action}"
    answer = server.post(path, body)
    if as_json:
        typer.echo(answer.text)
        return
    made = answer.json()
    where = f" at {made['step']} (visit {made['visit']})" if made["step"] else ""
    typer.echo(f"{_DONE[action].format(**made)} run {made['run']}{where}")


_DONE = {
    "retry": "tries at once the send of",
    "skip": "skipped the step of",
    "goto": "sent to {to}",
    "exit": "ended",
    "cancel": "cancelled",
}


def _full_id(server: Server, run: str) -> str:
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


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        refuse(f"--properties is not JSON: {error}")
    if not isinstance(value, dict):
        refuse('--properties must be a JSON object, such as {"total": 20}')
    return value


def _outcome(run: dict[str, Any]) -> str:
    outcome = run["outcome"] or ""
    return f"{outcome} ({run['reason']})" if run["reason"] else outcome


def _goal(goal: dict[str, Any] | None) -> str | None:
    if goal is None:
        return None
    if goal["met_at"] is None:
        return "not met"
    worth = "" if goal["value"] is None else f", {goal['value']}"
    return f"met {at_second(goal['met_at'])}{worth}"


def _visit_state(visit: dict[str, Any]) -> str:
    if visit["outcome"] is not None:
        return str(visit["outcome"])
    if retry := visit.get("retry"):
        return _retry(retry)
    state = f"held: {visit['held']}" if visit.get("held") else "stands here"
    due = at_second(visit.get("due_at"))
    return f"{state}, until {due}" if due else state


def _retry(retry: dict[str, Any]) -> str:
    last = f", last {retry['code']}" if retry["code"] else ""
    due = at_second(retry["next_at"])
    return f"held: retry, tried {retry['attempts']} times{last}, next {due or 'when woken'}"


def _facts(visit: dict[str, Any]) -> dict[str, Any]:
    """The facts, with the values that a condition read, and its message first.

    What a provider said of a message that was not sent is shown with it.
    """
    facts = dict(visit["facts"])
    saw = facts.pop("saw", None)
    message: dict[str, Any] = {"message": visit["message_id"]} if visit["message_id"] else {}
    sent = visit.get("message")
    if sent and sent["detail"] and facts.get("detail") != sent["detail"]:
        message["said"] = sent["detail"]
    return {**message, **facts, **(saw if isinstance(saw, dict) else {})}

"""`parcours run`: start runs, list them, show one with its visits and facts, and repair one."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import run_repairs
from cli.bulk_start import BulkStart, start_many
from cli.client import DATA_DIR, AsJson, DataDir, find_server, segment
from cli.errors import ExitCode, refuse
from cli.run_repairs import RunId, full_id
from cli.stuck_runs import print_stuck
from cli.tables import at_second, print_pairs, print_table, screen

app = typer.Typer(help="Contacts' passages through journeys.", no_args_is_help=True)
app.command("retry")(run_repairs.retry)
app.command("skip")(run_repairs.skip)
app.command("goto")(run_repairs.goto)
app.command("exit")(run_repairs.exit_)
app.command("cancel")(run_repairs.cancel)


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
    held: Annotated[
        str | None, typer.Option(help="Why their send is deferred, such as retry or cap.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Why the last attempt at their send did not succeed.")
    ] = None,
    reached: Annotated[
        str | None, typer.Option(help="A step that they have come to; with --journey.")
    ] = None,
    took: Annotated[
        str | None, typer.Option(help="The outcome there, such as the way taken; with --reached.")
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
        if contact or state or step or held or code or reached or took or cursor:
            refuse("--stuck goes with --journey and --limit alone", ExitCode.USAGE)
        print_stuck(find_server(data_dir), journey, limit, as_json=as_json)
        return
    page = find_server(data_dir).list_up_to(
        "/v1/runs",
        limit,
        cursor,
        contact=contact,
        journey=journey,
        state=state.value if state else None,
        step=step,
        held=held,
        code=code,
        reached=reached,
        took=took,
    )
    if as_json:
        typer.echo(json.dumps(page, ensure_ascii=False, separators=(",", ":")))
        return
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
    answer = server.get(f"/v1/runs/{segment(full_id(server, run))}")
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

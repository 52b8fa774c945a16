"""`parcours job`: list jobs, show one with its progress, pause, resume and cancel one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.plan_output import print_preview
from cli.tables import at_second, print_pairs, print_table

app = typer.Typer(help="Long work on many contacts or runs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command("list")
def list_(
    journey: Annotated[str | None, typer.Option(help="The journey's key.")] = None,
    kind: Annotated[str | None, typer.Option(help="The kind of job.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    items = find_server(data_dir).list_all("/v1/jobs", journey=journey, kind=kind)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["job", "kind", "about", "version", "state", "done", "of", "set aside", "began"],
        [
            (each["id"], each["kind"], each["journey"] or each["subject"], each["version"],
             _state(each), each["done"], each["total"], each["failed"],
             at_second(each["started_at"]))
            for each in items
        ],
        numbers=["version", "done", "of", "set aside"],
    )  # fmt: skip


@app.command("show")
def show(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Show a job, the runs that it set aside, and what a preview has found."""
    answer = find_server(data_dir).get(f"/v1/jobs/{segment(job)}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    _print_job(shown)
    if shown["set_aside"]:
        print_table(
            ["run set aside", "because of"],
            [(each["run"], each["code"]) for each in shown["set_aside"]],
        )
    if shown["preview"]:
        print_preview(shown["preview"])


@app.command("pause")
def pause(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Let a job rest before its next page, until it is resumed."""
    answer = find_server(data_dir).post(f"/v1/jobs/{segment(job)}/pause")
    if as_json:
        typer.echo(answer.text)
        return
    paused = answer.json()
    typer.echo(f"job {paused['id']} is paused, after {paused['done']} of {paused['total']}")


@app.command("resume")
def resume(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Let a paused job go on, within half a minute."""
    answer = find_server(data_dir).post(f"/v1/jobs/{segment(job)}/resume")
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"job {answer.json()['id']} goes on")


@app.command("cancel")
def cancel(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Stop a job for good. What it has done stays done."""
    answer = find_server(data_dir).post(f"/v1/jobs/{segment(job)}/cancel")
    if as_json:
        typer.echo(answer.text)
        return
    stopped = answer.json()
    typer.echo(f"job {stopped['id']} is stopped, after {stopped['done']} of {stopped['total']}")


@app.command("approve")
def approve(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Let a repair begin that another key has asked for."""
    answer = find_server(data_dir).post(f"/v1/jobs/{segment(job)}/approve")
    if as_json:
        typer.echo(answer.text)
        return
    approved = answer.json()
    typer.echo(f"job {approved['id']} is approved: {approved['subject']}, {approved['total']} runs")


@app.command("undo")
def undo(job: JobId, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Take a repair of many back: runs that stand where it has put them go back to their step."""
    answer = find_server(data_dir).post(f"/v1/jobs/{segment(job)}/undo")
    if as_json:
        typer.echo(answer.text)
        return
    begun = answer.json()
    typer.echo(f"job {begun['id']} takes it back for {begun['total']} of its runs")


@app.command("items")
def items(
    job: JobId,
    state: Annotated[
        str | None, typer.Option(help="waiting, sending, done, left or failed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the runs of a repair of many, and what came of each."""
    found = find_server(data_dir).list_all(f"/v1/jobs/{segment(job)}/items", state=state)
    if as_json:
        typer.echo(as_page(found))
        return
    print_table(
        ["run", "visit", "state", "because of"],
        [(each["run"], each["visit"] or None, each["state"], each["code"]) for each in found],
        numbers=["visit"],
    )


def _state(job: dict[str, Any]) -> str:
    if job["state"] == "waiting":
        return "waiting for approval"
    return f"{job['state']}, paused" if job.get("paused_at") else str(job["state"])


def _print_job(job: dict[str, Any]) -> None:
    print_pairs(
        [
            ("job", job["id"]),
            ("kind", job["kind"]),
            ("journey", job["journey"]),
            ("about", job["subject"] or None),
            ("version", job["version"]),
            ("state", _state(job)),
            ("done", f"{job['done']} of {job['total']}"),
            ("moved", job["moved"] if job["kind"] == "move" else None),
            ("keep their version", job["kept"] if job["kind"] == "move" else None),
            ("set aside", job["failed"] or None),
            ("workflow", job["workflow_id"]),
            ("began", at_second(job["started_at"])),
            ("ended", at_second(job["ended_at"])),
            *_result(job["result"] or {}),
        ]
    )


def _result(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """What a job has found and done, by name; nothing of what it does not say."""
    said = {name: value for name, value in result.items() if value not in (None, {}, [])}
    refused = said.pop("refused", None)
    if refused:
        said = {"refused": refused, **said}
    pairs: list[tuple[str, Any]] = []
    for name, value in said.items():
        words = name.replace("_", " ")
        if isinstance(value, dict) and all(isinstance(each, int) for each in value.values()):
            pairs += [(f"{words}: {code}", number) for code, number in value.items()]
        else:
            pairs.append((words, _listed(value)))
    return pairs


def _listed(value: Any) -> Any:
    """A list of names in one line; anything else as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value

"""`parcours worker`: the same process as `python worker.py`; `list` and `check` of builds."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.errors import ExitCode, refuse
from cli.settings import settings_or_refuse
from cli.tables import at_second, print_table

if TYPE_CHECKING:
    from doctor.replays import ReplayCheck, ReplayReport
    from infra.settings import Settings

app = typer.Typer(help="Workers and their builds.", invoke_without_command=True)


@app.callback()
def run(context: typer.Context) -> None:
    """Run journeys against the servers that the environment names."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_or_refuse()
    from worker import main

    main(settings)


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the builds and worker processes of the last minute, and what is left to drain."""
    answer = find_server(data_dir).get("/v1/workers")
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    print_table(
        ["build", "processes", "not taken up", "checked", "replays"],
        [
            (each["build"], each["processes"], each["not_taken_up"],
             at_second(each["check"]["at"]) if each["check"] else None, _verdict(each["check"]))
            for each in found["builds"]
        ],
        numbers=["processes", "not taken up"],
    )  # fmt: skip
    print_table(
        ["process", "build", "since", "seen", "lag"],
        [
            (each["id"], each["build"], at_second(each["started_at"]),
             at_second(each["seen_at"]), f"{each['lag_seconds']:.3f} s")
            for each in found["processes"]
        ],
        numbers=["lag"],
    )  # fmt: skip
    if found["open"] is not None:
        typer.echo(f"{found['open']} runs and jobs are open in Temporal")


@app.command("check")
def check(
    sample: Annotated[
        int, typer.Option(min=1, max=10_000, help="Open runs that are replayed, at most.")
    ] = 200,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="The time that the check may take.")
    ] = 60.0,
    saved: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Also replay histories of this folder."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(file_okay=False, help="Keep the sampled histories here.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Replay those of --saved alone, without servers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Replay the histories of sampled open runs and jobs with the code of this build.

    It reads the settings of a worker from the environment. Status 1: a history breaks, and the
    runs like it would stand still under this build. Status 5: nothing could be replayed.
    """
    if offline and saved is None:
        refuse("--offline needs --saved FOLDER", ExitCode.USAGE)
    settings = None if offline else settings_or_refuse()
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
    files = [] if saved is None else sorted(saved.glob("*.json"))
    report = asyncio.run(_check(settings, sample, seconds, files, save))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report)))
    else:
        _print(report)
    if report.broken:
        raise typer.Exit(ExitCode.INVALID)
    if report.unread and not report.replayed:
        raise typer.Exit(ExitCode.UNREACHABLE)


async def _check(
    settings: Settings | None,
    sample: int,
    seconds: float,
    files: Sequence[Path],
    save: Path | None,
) -> ReplayReport:
    from doctor.replays import ReplayCheck
    from infra.build import build_of_code
    from infra.sandbox import sandbox
    from worker import WORKFLOWS

    build = (settings.build if settings else None) or build_of_code()
    checking = ReplayCheck(build, WORKFLOWS, sandbox(), seconds=seconds)
    try:
        await checking.replay_saved(files)
    except (OSError, ValueError) as error:
        refuse(f"a saved history cannot be read: {error}")
    if settings is not None:
        await _check_open(settings, checking, sample, save)
    return checking.report


async def _check_open(
    settings: Settings, checking: ReplayCheck, sample: int, save: Path | None
) -> None:
    from temporalio.service import RPCError

    from doctor.replays import sample_of_open_workflows
    from infra.clients import connect_temporal, open_pool
    from infra.telemetry import quiet_runtime
    from store.operations.workers import record_check
    from store.sql import DATABASE_AWAY

    pool = await open_pool(settings, max_size=2)
    try:
        client = await connect_temporal(settings, runtime=quiet_runtime())
        subjects = await sample_of_open_workflows(pool, sample)
        await checking.replay_open(client, subjects, save=save)
        report = checking.report
        async with pool.connection() as conn:
            await record_check(
                conn, report.build, report.replayed, report.unread,
                [dataclasses.asdict(each) for each in report.broken],
            )  # fmt: skip
    except DATABASE_AWAY as error:
        refuse(f"the database cannot be reached: {str(error).strip()}", ExitCode.UNREACHABLE)
    except (RPCError, RuntimeError) as error:
        refuse(f"Temporal cannot be reached: {str(error).strip()}", ExitCode.UNREACHABLE)
    finally:
        await pool.close()


def _print(report: ReplayReport) -> None:
    typer.echo(f"build {report.build}: {report.replayed} histories were replayed")
    if report.unread:
        typer.echo(f"{report.unread} more were sampled and not replayed in time, or are gone")
    if report.broken:
        print_table(
            ["journey", "version", "step", "runs", "code", "for example"],
            [
                (each.journey, each.version, each.step, each.runs, each.code, each.example)
                for each in report.broken
            ],
            numbers=["version", "runs"],
        )
        typer.echo("This build does not go on with such runs: do not let it take over.", err=True)


def _verdict(check: dict[str, Any] | None) -> str | None:
    if check is None:
        return None
    if check["broken"]:
        return f"{sum(each['runs'] for each in check['broken'])} of {check['replayed']} break"
    return f"all of {check['replayed']}" if check["replayed"] else "none was open"

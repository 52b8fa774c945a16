"""Repair of many runs: which are meant, the preview in words, the question, and the job."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli.client import Server
from cli.errors import ExitCode, refuse
from cli.preview_wait import wait_for_job
from cli.tables import print_pairs, print_table, screen


@dataclass(frozen=True)
class ManyRuns:
    """Which runs are meant, by the options of the command, and how they are worked through."""

    journey: str | None
    step: str | None
    code: str | None
    held: str | None
    since: str | None
    contacts: Path | None
    rate: float | None
    yes: bool
    preview: bool
    wait: bool

    @property
    def given(self) -> dict[str, Any]:
        """What is given of the body of the request."""
        values = {
            "journey": self.journey,
            "step": self.step,
            "code": self.code,
            "held": self.held,
            "since": self.since,
            "contacts": None if self.contacts is None else _lines(self.contacts),
            "rate": self.rate,
        }
        return {name: value for name, value in values.items() if value is not None}


def repair_many(
    server: Server, action: str, body: dict[str, Any], many: ManyRuns, *, as_json: bool
) -> None:
    """Print what a repair would do, ask once, and begin its job."""
    found = server.post("/v1/runs/bulk", {**body, "dry_run": True}).json()
    if many.preview:
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            _print_preview(found)
        return
    if not as_json:
        _print_preview(found)
    if found["count"] and not many.yes:
        if not sys.stdin.isatty():
            refuse("nothing was done: repeat it with --yes", ExitCode.USAGE)
        if not typer.confirm("Do it?", err=True):
            refuse("nothing was done", ExitCode.REFUSED)
    # No more than was shown, if others come to this step in the meantime.
    limit = {"limit": found["count"]} if found["count"] else {}
    answer = server.post("/v1/runs/bulk", {**body, **limit})
    job = answer.json()
    if many.wait and job["state"] == "running":
        job = wait_for_job(server, action, job["id"], "runs")
    if as_json:
        typer.echo(json.dumps(job, ensure_ascii=False))
        return
    result = job.get("result") or {}
    print_pairs(
        [
            ("job", job["id"]),
            ("state", job["state"]),
            ("runs", job["total"]),
            ("repaired", result.get("repaired")),
            *((f"left alone: {code}", n) for code, n in result.get("left_alone", {}).items()),
            *((f"failed: {code}", n) for code, n in result.get("failed", {}).items()),
        ]
    )
    if job["state"] == "waiting":
        screen().print(f"Another key approves it: parcours job approve {job['id']}", soft_wrap=True)
    elif job["state"] == "running":
        screen().print(
            f"It goes on without this command: parcours job show {job['id']}", soft_wrap=True
        )


def _print_preview(found: dict[str, Any]) -> None:
    screen().print(found["words"], soft_wrap=True)
    if found["sample"]:
        print_table(
            ["run", "contact", "step", "visit", "held", "code"],
            [
                (each["run"], each["contact"], each["step"], each["visit"], each["held"],
                 each["code"])
                for each in found["sample"][:5]
            ],
            numbers=["visit"],
        )  # fmt: skip


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{file} cannot be read: {error}")
    return [line.strip() for line in text.splitlines() if line.strip()]

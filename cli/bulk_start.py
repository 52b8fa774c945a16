"""Start of runs of many contacts: the request, its preview, and the job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli.client import Server, segment
from cli.errors import refuse
from cli.preview_wait import wait_for_job
from cli.tables import print_pairs

_OK = 200


@dataclass(frozen=True)
class BulkStart:
    """The contacts that are meant, by the options of the command."""

    of_segment: str | None
    group: str | None
    condition: Path | None
    """A file with a condition, in YAML or JSON."""
    contacts: Path | None
    """A file with an id on each line."""

    @property
    def choices(self) -> int:
        """How many of the options are given."""
        given = (self.of_segment, self.group, self.condition, self.contacts)
        return sum(each is not None for each in given)

    def body(self, properties: dict[str, Any], rate: float | None) -> dict[str, Any]:
        """The body of the request. The command ends if a file can't be read."""
        body: dict[str, Any] = {"properties": properties}
        if rate is not None:
            body["rate"] = rate
        if self.of_segment is not None:
            body["segment"] = self.of_segment
        elif self.group is not None:
            body["group"] = self.group
        elif self.condition is not None:
            body["if"] = _condition(self.condition)
        elif self.contacts is not None:
            lines = _text(self.contacts).splitlines()
            body["contacts"] = [line.strip() for line in lines if line.strip()]
        return body


def start_many(
    server: Server, journey: str, body: dict[str, Any], *, preview: bool, as_json: bool
) -> None:
    """Start a job that enters many contacts, or print how many would enter."""
    path = f"/v1/journeys/{segment(journey)}/runs/bulk"
    answer = server.post(f"{path}?preview=true" if preview else path, body)
    if not preview:
        if as_json:
            typer.echo(answer.text)
            return
        job = answer.json()
        print_pairs([("job", job["id"]), ("contacts", job["total"])])
        typer.echo(f"It goes on without this command: parcours job show {job['id']}")
        return
    if answer.status_code == _OK:
        found = answer.json()
    else:
        job_id = answer.json()["id"]
        job = wait_for_job(server, f"preview of {journey}", job_id, "contacts")
        if job["state"] != "done":
            refuse(f"the preview was {job['state']}: job {job_id}")
        found = job["result"]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    print_pairs(
        [
            ("would enter", found["enter"]),
            *((f"refused: {code}", count) for code, count in sorted(found["refused"].items())),
            ("unknown", found["unknown"] or None),
            ("for example", ", ".join(found.get("sample", [])[:10]) or None),
        ]
    )


def _condition(file: Path) -> Any:
    from journeys.source.yaml_reader import read

    readings = read(_text(file), str(file))
    problems = [problem for reading in readings for problem in reading.problems]
    if problems:
        refuse("\n".join(str(problem) for problem in problems))
    if len(readings) != 1 or not isinstance(readings[0].value, dict):
        refuse(f"{file} holds no condition, such as {{attribute: country, is: FR}}")
    document = readings[0].value
    # The file of a segment has the condition under `if`.
    return document["if"] if set(document) == {"segment", "if"} else document


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{file} cannot be read: {error}")

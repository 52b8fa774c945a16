"""`parcours simulate`: journeys on a skipped clock, for a contact and a script of events."""

from __future__ import annotations

import json
import os
import sys
from codecs import BOM_UTF8
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from cli.errors import refuse

if TYPE_CHECKING:
    from simulation.document_set import DocumentSet
    from simulation.script import Scenario
    from simulation.timeline import Line, StepCoverage


def run(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Files of documents, or folders of files.")
    ],
    contact: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON: an identify body, with groups, topics, events and coupons added."
            " One for all --events, or one for each.",
        ),
    ] = None,
    contacts: Annotated[
        Path | None,
        typer.Option(help="Many contacts, as a JSON list or one a line: prints counts of all."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Simulate only so many of the contacts, drawn at random."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same contacts.")] = 1,
    journey: Annotated[
        str | None, typer.Option(help="The journey's key; not needed if there is only one journey.")
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON: a list of what happens, in order. Each further file is another scenario."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="The time of the start, RFC 3339; by default now.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="How far to go: a time, or +30d from the start. By default to the end of the runs"
            " that begin, and to the first date or occurrence.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show which outcomes of which steps were reached.")
    ] = False,
) -> None:
    """Simulate a journey for one contact or many, months in seconds. Nothing is sent."""
    scripts = events or []
    one = contact or []
    if (contacts is None) != bool(one):
        refuse("give --contact for one, or --contacts for many")
    if contacts is None and len(one) not in (1, max(len(scripts), 1)):
        refuse(f"--contact: give one, or one for each of the {len(scripts)} --events")
    if contacts is not None and len(scripts) > 1:
        refuse("--contacts: all have the same --events; give one file of them")
    if contacts is None and sample is not None:
        refuse("--sample: draws from --contacts")

    import asyncio

    from api.http.times import parse_time
    from devstack.process import StackFailed
    from infra.logging import configure_logging
    from simulation.batch import draw_sample, read_contacts_file, read_scenarios
    from simulation.document_set import read_document_set, read_files
    from simulation.errors import SimulationFailed, SimulationRefused
    from simulation.scenarios import now, read_scenario
    from simulation.script import read_until

    configure_logging(process="simulate", level="ERROR")
    begin = now()
    if start is not None:
        try:
            begin = parse_time(start)
        except ValueError as error:
            refuse(f"--start: {error}")
    try:
        book = read_document_set(read_files(files), journey)
        end = None if until is None else read_until(until, book.journey, begin)
        loaded = [_load(path, "--events") for path in scripts] or [[]]
        if contacts is not None:
            found = read_contacts_file(_bytes(contacts, "--contacts"), str(contacts))
            scenarios = read_scenarios(book, draw_sample(found, sample, seed), loaded[0], begin)
            if not scenarios:
                refuse(f"--contacts {contacts}: there is none")
        else:
            people = [_load(path, "--contact") for path in one]
            scenarios = [
                read_scenario(book, people[number % len(people)], script, begin)
                for number, script in enumerate(loaded)
            ]
        for warning in (*book.warnings, *dict.fromkeys(w for s in scenarios for w in s.warnings)):
            typer.echo(str(warning), err=True)
    except SimulationRefused as error:
        refuse(str(error))
    status = 0
    try:
        if contacts is None:
            names = [str(path) for path in scripts]
            played = _play(book, scenarios, names, begin, end, as_json=as_json, cover=coverage)
        else:
            played = _play_crowd(book, scenarios, begin, end, as_json=as_json, cover=coverage)
        asyncio.run(played)
    except (SimulationRefused, SimulationFailed, StackFailed) as error:
        status = 1
        typer.echo(f"parcours: {error}", err=True)
    # Threads of the SDK can abort the interpreter while it ends. All is closed and written.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _play(
    book: DocumentSet,
    scenarios: Sequence[Scenario],
    names: Sequence[str],
    start: datetime,
    until: datetime | None,
    *,
    as_json: bool,
    cover: bool,
) -> None:
    """Play the scenarios one after another. `names`: the file of each one's events, if any."""
    from simulation.scenarios import play_all
    from simulation.timeline import coverage

    every: list[Line] = []
    number = 0
    async for lines in play_all(book, scenarios, start, until=until):
        name = {"scenario": names[number]} if len(scenarios) > 1 else {}
        number += 1
        if not as_json and name:
            typer.echo(f"Scenario {number}: {name['scenario']}")
        if as_json:
            for line in lines:
                typer.echo(json.dumps({**name, **line.as_json()}, ensure_ascii=False))
        else:
            _show(lines)
        if not any(line.kind == "entry" for line in lines):
            typer.echo("no run began: nothing in the script entered the journey", err=True)
        every += lines
    if cover:
        _show_coverage(coverage(book.journey, every), as_json=as_json)


async def _play_crowd(
    book: DocumentSet,
    scenarios: Sequence[Scenario],
    start: datetime,
    until: datetime | None,
    *,
    as_json: bool,
    cover: bool,
) -> None:
    from cli.simulation_summary import Progress, show_summary
    from simulation.batch import build_summary
    from simulation.scenarios import play_together_on_own_server
    from simulation.timeline import coverage

    refused: list[str] = []
    with Progress(len(scenarios)) as progress:
        lines = await play_together_on_own_server(
            book,
            scenarios,
            start,
            progress.update,
            lambda contact, reason: refused.append(f"{contact}: {reason}"),
            until=until,
        )
    for each in refused:
        typer.echo(each, err=True)
    if as_json:
        for line in lines:
            shown = {"contact": line.contact, **line.as_json()}
            typer.echo(json.dumps(shown, ensure_ascii=False))
    if cover:
        _show_coverage(coverage(book.journey, lines), as_json=as_json)
    summary = build_summary(book.journey, len(scenarios), lines)
    if as_json:
        typer.echo(json.dumps(summary.as_json(), ensure_ascii=False))
    else:
        show_summary(summary)


def _bytes(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        refuse(f"{option} {path}: {error.strerror or error}")


def _load(path: Path, option: str) -> Any:
    try:
        return orjson.loads(_bytes(path, option).removeprefix(BOM_UTF8))
    except ValueError as error:
        refuse(f"{option} {path}: not JSON: {error}")


def _show(lines: Sequence[Line]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("UTC", "local", "step", "", "outcome", "facts"):
        table.add_column(name, overflow="fold", no_wrap=name in ("UTC", "local"))
    for line in lines:
        table.add_row(
            f"{line.at:%Y-%m-%d %H:%M:%S}",
            f"{line.local:%a %Y-%m-%d %H:%M}",
            escape(line.step or ""),
            line.kind,
            escape(line.outcome or ""),
            escape(_words(line.facts)),
        )
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def _words(facts: dict[str, Any]) -> str:
    """Facts as text: the text of a message in full, HTML not at all."""
    parts = []
    for name, value in facts.items():
        if name in ("html", "text") or value is None or value in ({}, [], ""):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}: {shown}")
    words = "; ".join(parts)
    text = facts.get("text")
    return f"{words}\n{text.strip()}" if isinstance(text, str) else words


def _show_coverage(found: Sequence[StepCoverage], *, as_json: bool) -> None:
    if as_json:
        steps = [
            {"step": each.step, "kind": each.kind, "reached": each.reached, "missed": each.missed,
             "never": each.never}
            for each in found
        ]  # fmt: skip
        typer.echo(json.dumps({"kind": "coverage", "steps": steps}, ensure_ascii=False))
        return
    reached = sum(len(each.reached) for each in found)
    possible = reached + sum(len(each.missed) for each in found)
    typer.echo(f"\nCoverage: {reached} of {possible} outcomes")
    for each in found:
        missed = f"   missed: {', '.join(each.missed)}" if each.missed else ""
        typer.echo(f"  {each.step} ({each.kind}): {', '.join(each.reached) or 'none'}{missed}")

"""The process that plays trials of the console, one after another, on a PostgreSQL of its own.

It reads requests from its standard input and writes answers to its standard output, a JSON object a
line, for the API that started it. Its first answer says that it is ready. It ends when its input
does. An answer has `timeline`, `coverage`, `summary` and `warnings`; or `refused`, what is wrong
with the request; or `failed`, why the simulation broke off.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final

from psycopg import AsyncConnection, sql
from pydantic import BaseModel, ConfigDict

from devstack.postgres import Postgres
from devstack.process import StackFailed
from infra.logging import configure_logging
from journeys.source.parsing import parse_documents
from simulation.batch import ContactDocument, build_summary, read_scenarios
from simulation.document_set import DocumentSet, read_document_set
from simulation.errors import SimulationFailed, SimulationRefused
from simulation.scenarios import copy_database, now, play_together, read_scenario
from simulation.script import Scenario, read_until
from simulation.servers import throwaway_postgres
from simulation.timeline import Line, coverage

_NICE: Final = 5
"""The API, and the workers beside it, go first."""


class Request(BaseModel):
    """What is to be played."""

    model_config = ConfigDict(extra="forbid")

    given: list[tuple[str, str]]
    """Names and texts of documents."""
    stored: list[tuple[str, str, str]]
    """Kinds, keys and texts of documents of the server; those that are given replace them."""
    journey: str
    contacts: list[dict[str, Any]]
    together: bool
    """Whether many contacts are played, and counted; otherwise it is one."""
    events: list[dict[str, Any]]
    start: datetime | None
    until: str | None


async def answer_request(postgres: Postgres, line: bytes, number: int) -> dict[str, Any]:
    """The answer to a request; `number` is another one for each."""
    try:
        request = Request.model_validate_json(line)
        start = request.start or now()
        documents = read_document_set(_sources(request), request.journey)
        until = None
        if request.until is not None:
            until = read_until(request.until, documents.journey, start)
        scenarios = _scenarios(request, documents, start)
        refused: list[str] = []
        name = await copy_database(postgres, f"trial_{number}")
        try:
            lines = await play_together(
                documents,
                scenarios,
                postgres.url(name),
                start,
                on_refused=(
                    (lambda contact, why: refused.append(f"{contact}: {why}"))
                    if request.together
                    else None
                ),
                until=until,
            )
        finally:
            await _drop_database(postgres, name)
    except SimulationRefused as error:
        return {"refused": str(error)}
    except (SimulationFailed, StackFailed) as error:
        return {"failed": str(error)}
    warnings = [str(each) for each in (*documents.warnings, *_warnings(scenarios), *refused)]
    return _answer(request, documents, lines, warnings)


def _sources(request: Request) -> list[tuple[str, str]]:
    """The documents that are given, and those of the server that they do not replace."""
    replaced = {
        (each.document.kind, each.document.key)
        for name, text in request.given
        for each in parse_documents(text, name).parsed
    }
    stored = [
        (f"{kind} {key}", text) for kind, key, text in request.stored if (kind, key) not in replaced
    ]
    return [*request.given, *stored]


def _scenarios(request: Request, documents: DocumentSet, start: datetime) -> list[Scenario]:
    if not request.together:
        [contact] = request.contacts
        return [read_scenario(documents, contact, request.events, start)]
    contacts = [ContactDocument(f"contact {n}", each) for n, each in enumerate(request.contacts)]
    return read_scenarios(documents, contacts, request.events, start)


def _warnings(scenarios: Sequence[Scenario]) -> list[str]:
    return list(dict.fromkeys(each for scenario in scenarios for each in scenario.warnings))


def _answer(
    request: Request, documents: DocumentSet, lines: Sequence[Line], warnings: list[str]
) -> dict[str, Any]:
    summary = None
    if request.together:
        summary = build_summary(documents.journey, len(request.contacts), lines).as_json()
    return {
        "timeline": [] if request.together else [line.as_json() for line in lines],
        "coverage": [
            {
                "step": each.step,
                "kind": each.kind,
                "reached": each.reached,
                "missed": each.missed,
                "never": dict(each.never),
            }
            for each in coverage(documents.journey, lines)
        ],
        "summary": summary,
        "warnings": warnings,
    }


async def _drop_database(postgres: Postgres, name: str) -> None:
    async with await AsyncConnection.connect(
        postgres.url("postgres"), autocommit=True
    ) as connection:
        await connection.execute(
            sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
        )


async def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests, until there are no more."""

    def write(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
        answers.flush()

    async with throwaway_postgres() as postgres:
        write({"ready": True})
        number = 0
        while line := await asyncio.to_thread(requests.readline):
            number += 1
            try:
                answer = await answer_request(postgres, line, number)
            except Exception:
                answer = {"error": traceback.format_exc()}
            write(answer)


def main() -> None:
    """Serve the API that started this process."""
    os.nice(_NICE)
    configure_logging(process="simulate", level="ERROR")
    requests = sys.stdin.buffer
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        # What else is printed must not come between the answers.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(serve(requests, answers))
    # Threads of the SDK can abort the interpreter while it ends. All is closed and written.
    os._exit(0)


if __name__ == "__main__":
    main()

"""Every path of the library, and of the programmes of the fixtures, as worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import groupby

import pytest

from journeys.library import names
from journeys.model.exits import EventExit
from journeys.model.journey import Journey
from journeys.model.reasons import SKIP_REASONS
from journeys.model.steps import ExitStep
from simulation.document_set import (
    DocumentSet,
    read_document_set,
    read_files,
)
from simulation.scenarios import play_together, read_scenario
from simulation.timeline import Line, coverage
from tests.integration.simulation.paths import Case, as_lines, read_table, table_names
from tests.unit.journeys.examples import programmes

TABLES = table_names()

NewDatabase = Callable[[], str]


def test_every_journey_has_its_table() -> None:
    written = {each.document.key for each in programmes() if isinstance(each.document, Journey)}
    assert {name for name in TABLES if name.startswith("library/")} == {
        f"library/{name}" for name in names()
    }
    assert {name for name in TABLES if name.startswith("programmes/")} == {
        f"programmes/{key}" for key in written
    }


@pytest.mark.parametrize("name", TABLES)
def test_the_paths_reach_every_outcome_of_every_step(name: str) -> None:
    table = read_table(name)
    missed = {
        each.step: each.missed for each in coverage(table.journey, as_lines(table)) if each.missed
    }
    assert missed == {}


@pytest.mark.parametrize("name", TABLES)
def test_the_paths_reach_every_end(name: str) -> None:
    table = read_table(name)
    ends = [stop for case in table.cases for stop in case.path if stop.step == "end"]
    reasons = {stop.reason for stop in ends if stop.outcome == "exited"}
    for rule in table.journey.exit:
        if isinstance(rule, EventExit):
            assert rule.event in reasons
        else:
            # A condition has no name that a path could give.
            assert None in reasons
    for step in table.journey.all_steps():
        if isinstance(step, ExitStep):
            assert step.exit in reasons
    assert {stop.outcome for stop in ends} <= {"completed", "exited", "restarted"}


def test_the_paths_know_every_reason_to_skip() -> None:
    stops = [stop for name in TABLES for case in read_table(name).cases for stop in case.path]
    seen = {stop.reason for stop in stops if stop.outcome == "skipped" and stop.reason}
    # What an operator does, or a provider, is no part of a script.
    assert seen == SKIP_REASONS.keys() - {
        "paused",
        "frozen",
        "suppressed",
        "late",
        "operator",
        "restricted",
        "shared_address",
    }


@pytest.mark.parametrize("name", TABLES)
async def test_every_scenario_goes_its_way(name: str, new_database: NewDatabase) -> None:
    table = read_table(name)
    book = read_document_set(read_files([table.source]), table.key)
    lines: list[Line] = []
    wrong = []
    for _, cases in groupby(sorted(table.cases, key=_company), key=_company):
        together = list(cases)
        played = await _play(book, together, new_database())
        lines += played
        for case in together:
            own = [line for line in played if line.contact == case.contact["userId"]]
            if (difference := case.differs(own)) is not None:
                wrong.append(difference)
            if any(line.kind == "goal" for line in own) != case.goal:
                wrong.append(f"{case.name}: the goal is {'not ' if case.goal else ''}met")
    if wrong:
        pytest.fail("\n".join(wrong))
    assert [each for each in coverage(book.journey, lines) if each.missed] == []


async def _play(book: DocumentSet, cases: list[Case], database_url: str) -> list[Line]:
    start = datetime.fromisoformat(cases[0].start)
    scenarios = [read_scenario(book, case.contact, case.events, start) for case in cases]
    return await play_together(book, scenarios, database_url, start)


def _company(case: Case) -> bytes:
    return case.company

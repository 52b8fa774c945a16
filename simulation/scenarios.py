"""Whole scenarios, each on servers of its own, from what a command or a test was given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from psycopg import AsyncConnection, sql

from devstack.postgres import Postgres
from simulation.document_set import DocumentSet
from simulation.driver import Progress, simulating
from simulation.script import Scenario, Scene, Start, read_person, read_script
from simulation.servers import skipping_temporal, throwaway_postgres
from simulation.timeline import Line

MIGRATED = "parcours"
"""The database of `throwaway_postgres` that others are copied from."""


def read_scenario(book: DocumentSet, contact: object, events: object, start: datetime) -> Scenario:
    """A scenario of two documents. Raises SimulationRefused naming what is wrong.

    A journey without an entry by event begins at `start`, unless the script starts it.
    """
    person = read_person(contact, book.journey, start)
    scenes = read_script(events, person, book.journey, start)
    if not book.begins_by_event and not any(
        isinstance(act, Start) for scene in scenes for act in scene.acts
    ):
        first = scenes[0]
        begun = (Start(start, {}, "start"), *first.acts)
        scenes[0] = Scene(first.at, first.settings, begun)
    return Scenario(person, tuple(scenes))


def now() -> datetime:
    """When a simulation starts that does not say when: this second."""
    return datetime.now(UTC).replace(microsecond=0)


async def play(
    book: DocumentSet, scenario: Scenario, database_url: str, start: datetime
) -> list[Line]:
    """The lines of a scenario. The database is migrated and empty, and of no use afterwards.

    Raises SimulationRefused and SimulationFailed.
    """
    return await play_together(book, [scenario], database_url, start)


async def play_together(
    book: DocumentSet,
    scenarios: Sequence[Scenario],
    database_url: str,
    start: datetime,
    progress: Progress | None = None,
) -> list[Line]:
    """The lines of many contacts, each with an id of its own, who live at the same time.

    As `play`. `progress` is told how far it has come: see `simulation.driver.Progress`.
    """
    people = [scenario.person for scenario in scenarios]
    async with (
        skipping_temporal() as environment,
        simulating(database_url, environment, book, people, start, progress) as simulation,
    ):
        await simulation.play(*scenarios)
        await simulation.finish()
        return simulation.lines


async def play_all(
    book: DocumentSet, scenarios: Sequence[Scenario], start: datetime
) -> AsyncIterator[list[Line]]:
    """The lines of each scenario, one after another, on a PostgreSQL server of their own.

    Raises SimulationRefused, SimulationFailed, and devstack.process.StackFailed.
    """
    async with throwaway_postgres() as postgres:
        for number, scenario in enumerate(scenarios):
            last = number == len(scenarios) - 1
            name = MIGRATED if last else await copy_database(postgres, f"scenario_{number}")
            yield await play(book, scenario, postgres.url(name), start)


async def play_crowd(
    book: DocumentSet,
    scenarios: Sequence[Scenario],
    start: datetime,
    progress: Progress | None = None,
) -> list[Line]:
    """The lines of many contacts who live at the same time, on a PostgreSQL server of their own.

    As `play_together`; raises devstack.process.StackFailed as well.
    """
    async with throwaway_postgres() as postgres:
        return await play_together(book, scenarios, postgres.url(MIGRATED), start, progress)


async def copy_database(postgres: Postgres, name: str) -> str:
    """A copy of the migrated database; its name."""
    async with await AsyncConnection.connect(
        postgres.url("postgres"), autocommit=True
    ) as connection:
        await connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(MIGRATED)
            )
        )
    return name

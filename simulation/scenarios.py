"""Functions that read and play whole scenarios, for the command and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from psycopg import AsyncConnection, sql

from devstack.postgres import Postgres
from simulation.document_set import DocumentSet
from simulation.driver import OnRefused, Progress, simulating
from simulation.script import Moment, Scenario, Start, read_contact, read_script
from simulation.servers import throwaway_postgres, time_skipping_temporal
from simulation.timeline import Line

MIGRATED = "parcours"
"""The migrated database of `throwaway_postgres`, which the others are copies of."""


def read_scenario(
    documents: DocumentSet, contact: object, events: object, start: datetime
) -> Scenario:
    """The scenario of a contact document and a script.

    A journey whose only entry is by API begins at `start`, unless the script starts it. Raises
    SimulationRefused if either is wrong.
    """
    scripted = read_contact(contact, documents.journey, start)
    moments = read_script(events, scripted, documents.journey, start)
    if not documents.begins_by_itself and not any(
        isinstance(action, Start) for moment in moments for action in moment.actions
    ):
        first = moments[0]
        actions = (Start(start, {}, "start"), *first.actions)
        moments[0] = Moment(first.at, first.responses, actions)
    warnings = tuple(
        f"contact.topics.{topic}: the files have no topic `{topic}`; it is left out"
        for topic in scripted.topics
        if topic not in documents.topics
    )
    return Scenario(scripted, tuple(moments), warnings)


def now() -> datetime:
    """The current time in whole seconds: the default start of a simulation."""
    return datetime.now(UTC).replace(microsecond=0)


async def play(
    documents: DocumentSet,
    scenario: Scenario,
    database_url: str,
    start: datetime,
    *,
    until: datetime | None = None,
) -> list[Line]:
    """The timeline of a scenario, up to `until` or as far as `Simulation.finish` goes without.

    The database must be migrated and empty, and can't be used again. Raises SimulationRefused and
    SimulationFailed.
    """
    return await play_together(documents, [scenario], database_url, start, until=until)


async def play_together(
    documents: DocumentSet,
    scenarios: Sequence[Scenario],
    database_url: str,
    start: datetime,
    progress: Progress | None = None,
    on_refused: OnRefused | None = None,
    *,
    until: datetime | None = None,
) -> list[Line]:
    """The timeline of many contacts with different ids, in one simulation with one clock.

    Otherwise as `play`. `progress` and `on_refused` are called as their types in
    `simulation.driver` say. With `on_refused`, an item that the engine rejects ends nothing.
    """
    contacts = [scenario.contact for scenario in scenarios]
    async with (
        time_skipping_temporal() as environment,
        simulating(
            database_url, environment, documents, contacts, start, progress, on_refused
        ) as simulation,
    ):
        await simulation.play(*scenarios)
        await simulation.finish(until)
        return simulation.lines


async def play_all(
    documents: DocumentSet,
    scenarios: Sequence[Scenario],
    start: datetime,
    *,
    until: datetime | None = None,
) -> AsyncIterator[list[Line]]:
    """The timeline of each scenario, one after another, on a PostgreSQL server made for them.

    Raises SimulationRefused, SimulationFailed, and devstack.process.StackFailed.
    """
    async with throwaway_postgres() as postgres:
        for number, scenario in enumerate(scenarios):
            last = number == len(scenarios) - 1
            name = MIGRATED if last else await copy_database(postgres, f"scenario_{number}")
            yield await play(documents, scenario, postgres.url(name), start, until=until)


async def play_together_on_own_server(
    documents: DocumentSet,
    scenarios: Sequence[Scenario],
    start: datetime,
    progress: Progress | None = None,
    on_refused: OnRefused | None = None,
    *,
    until: datetime | None = None,
) -> list[Line]:
    """The timeline of many contacts, as by `play_together`, on a PostgreSQL server made for it.

    Raises devstack.process.StackFailed too.
    """
    async with throwaway_postgres() as postgres:
        return await play_together(
            documents, scenarios, postgres.url(MIGRATED), start, progress, on_refused, until=until
        )


async def copy_database(postgres: Postgres, name: str) -> str:
    """Copy the migrated database to a new one, and return its name."""
    async with await AsyncConnection.connect(
        postgres.url("postgres"), autocommit=True
    ) as connection:
        await connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(MIGRATED)
            )
        )
    return name

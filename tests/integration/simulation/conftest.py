"""Simulations on the run's PostgreSQL, each with a Temporal server of its own."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from simulation.book import read_book, read_files
from simulation.playing import play, read_scenario
from simulation.timeline import Line
from tests.integration.simulation.samples import LIBRARY
from tests.support.servers import Servers

Play = Callable[..., Awaitable[list[Line]]]


@pytest.fixture
def parcours_database(database_url: str) -> str:
    """The plugin's database, of the run's own server."""
    return database_url


@pytest.fixture
def simulate(database_url: str) -> Play:
    """`await simulate(text or library key, contact, events, start)`: the lines; once a test."""
    return _player(database_url)


@pytest.fixture
def simulate_again(servers: Servers, template_database: str) -> Iterator[Play]:
    """The same, once more, on another database."""
    name = f"again_{secrets.token_hex(8)}"
    database = sql.Identifier(name)
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                database, sql.Identifier(template_database)
            )
        )
        yield _player(servers.database(name))
        connection.execute(sql.SQL("drop database {} with (force)").format(database))


@pytest.fixture
def new_database(servers: Servers, template_database: str) -> Iterator[Callable[[], str]]:
    """Each call makes a migrated, empty database."""
    made: list[sql.Identifier] = []
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:

        def make() -> str:
            name = f"paths_{secrets.token_hex(8)}"
            made.append(sql.Identifier(name))
            template = sql.Identifier(template_database)
            connection.execute(sql.SQL("create database {} template {}").format(made[-1], template))
            return servers.database(name)

        yield make
        for database in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(database))


def _player(database_url: str) -> Play:
    async def simulated(source: str, contact: Any, events: Any, start: str) -> list[Line]:
        file = LIBRARY / f"{source}.yaml"
        sources = [("text", source.encode())] if "\n" in source else read_files([file])
        book = read_book(sources, None)
        begin = datetime.fromisoformat(start)
        return await play(book, read_scenario(book, contact, events, begin), database_url, begin)

    return simulated

"""Simulations on the run's PostgreSQL, each with a Temporal server of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from simulation.document_set import read_document_set, read_files
from simulation.scenarios import play, read_scenario
from simulation.timeline import Line
from tests.integration.simulation.samples import LIBRARY
from tests.support.databases import cloning
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
    with cloning(servers, template_database) as clones:
        yield _player(clones.make())


@pytest.fixture
def new_database(servers: Servers, template_database: str) -> Iterator[Callable[[], str]]:
    """Each call makes a migrated, empty database."""
    with cloning(servers, template_database) as clones:
        yield clones.make


def _player(database_url: str) -> Play:
    async def simulated(source: str, contact: Any, events: Any, start: str) -> list[Line]:
        file = LIBRARY / f"{source}.yaml"
        sources = [("text", source.encode())] if "\n" in source else read_files([file])
        book = read_document_set(sources, None)
        begin = datetime.fromisoformat(start)
        return await play(book, read_scenario(book, contact, events, begin), database_url, begin)

    return simulated

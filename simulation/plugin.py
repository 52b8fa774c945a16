"""The pytest plugin with the fixture `parcours`, which simulates one journey in a test.

The first test that uses it starts a PostgreSQL server, which serves the whole session.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from devstack.postgres import Postgres
    from simulation.fixture import SimulatedJourney


class Background:
    """An event loop on its own thread, so that tests need not be asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def parcours_loop() -> Iterator[Background]:
    """The event loop on which simulations run."""
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="session")
def parcours_postgres(parcours_loop: Background) -> Iterator[Postgres]:
    """A PostgreSQL server for the session, with a migrated database to copy."""
    from simulation.servers import throwaway_postgres

    stack = AsyncExitStack()
    yield parcours_loop.run(stack.enter_async_context(throwaway_postgres()))
    parcours_loop.run(stack.aclose())


@pytest.fixture
def parcours_database(parcours_loop: Background, parcours_postgres: Postgres) -> str:
    """The URL of a migrated, empty database for this test only."""
    from simulation.scenarios import copy_database

    name = f"simulation_{secrets.token_hex(8)}"
    return parcours_postgres.url(parcours_loop.run(copy_database(parcours_postgres, name)))


@pytest.fixture
def parcours(parcours_loop: Background, parcours_database: str) -> Iterator[SimulatedJourney]:
    """A simulated journey: `load`, `contact`, `track`, `advance`; `path`, `messages`, `outcome`."""
    from simulation.fixture import SimulatedJourney

    journey = SimulatedJourney(parcours_database, parcours_loop.run)
    try:
        yield journey
    finally:
        journey.close()

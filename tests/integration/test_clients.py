"""Connections made from settings, against the real servers."""

import asyncio
import gc
from datetime import timedelta
from itertools import count

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from devstack.ports import free_port
from infra.clients import (
    SEARCH_ATTRIBUTES,
    SearchAttributesRefused,
    connect_temporal,
    ensure_search_attributes,
    open_pool,
)
from infra.settings import Settings


async def test_connections_commit_by_themselves_and_speak_utc(
    pool: AsyncConnectionPool[psycopg.AsyncConnection],
) -> None:
    async with pool.connection() as connection:
        assert connection.autocommit
        cursor = await connection.execute("SELECT now()")
        row = await cursor.fetchone()
    assert row is not None
    assert row[0].utcoffset() == timedelta(0)


async def test_a_pool_opens_while_the_server_is_away() -> None:
    settings = Settings(database_url=f"postgresql://unknown@127.0.0.1:{free_port()}/none")
    pool = await open_pool(settings, timeout=0.2)
    try:
        with pytest.raises(PoolTimeout):
            async with pool.connection():
                pass
    finally:
        await pool.close()


async def test_a_connection_of_a_pool_that_is_given_up_half_made_is_closed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each look at the clock finds that much time has passed.
    monkeypatch.setattr("psycopg.waiting.monotonic", count(step=1000).__next__)
    closed = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        # What only the collector of garbage would close stays open.
        gc.disable()
        pool = await open_pool(Settings(database_url=f"postgresql://unknown@127.0.0.1:{port}/none"))
        try:
            async with asyncio.timeout(20):
                await closed.wait()
        finally:
            gc.enable()
            await pool.close()


async def test_search_attributes_are_registered_once(temporal_client: Client) -> None:
    await ensure_search_attributes(temporal_client)
    await ensure_search_attributes(temporal_client)
    for name in SEARCH_ATTRIBUTES:
        assert await temporal_client.count_workflows(f'{name} = "none"') is not None


async def test_a_search_attribute_of_another_type_is_named(
    temporal_client: Client, temporal_environment: dict[str, str], settings: Settings
) -> None:
    namespace = "with-a-number"
    await temporal_client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=namespace, workflow_execution_retention_period=Duration(seconds=86400)
        )
    )
    await temporal_client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=namespace,
            search_attributes={"JourneyVersion": IndexedValueType.INDEXED_VALUE_TYPE_INT},
        )
    )
    there = await connect_temporal(
        settings.model_copy(
            update={"temporal": {**temporal_environment, "TEMPORAL_NAMESPACE": namespace}}
        )
    )
    with pytest.raises(SearchAttributesRefused, match="JourneyVersion is of type Int"):
        await ensure_search_attributes(there)

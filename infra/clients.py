"""Connections to PostgreSQL, Temporal and AWS, made from settings by entry points."""

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
from psycopg_pool import AsyncConnectionPool
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import Settings

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient

SEARCH_ATTRIBUTES = ("JourneyKey", "JourneyVersion", "ContactId", "JourneyStep")
"""Of type Keyword, all of them: what an operator finds runs by."""


class SearchAttributesRefused(Exception):
    """The server has a search attribute of ours under another type; the message names both."""


async def connect_temporal(
    settings: Settings, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """A client that speaks pydantic, connected as the `TEMPORAL_…` variables say.

    They mean what they mean to every Temporal SDK and tool: an API key implies TLS, a profile
    may come from `TEMPORAL_CONFIG_FILE`.

    Args:
        lazy: connect at the first call, so that a process may start while Temporal is away.
        runtime: one with metrics, for workers.

    Raises:
        RuntimeError: the server cannot be reached, unless `lazy`.
    """
    config = ClientConfig.load_client_connect_config(
        override_env_vars=settings.temporal_environment
    )
    return await Client.connect(
        **config, data_converter=pydantic_data_converter, lazy=lazy, runtime=runtime
    )


async def open_pool(
    settings: Settings,
    min_size: int = 1,
    max_size: int = 10,
    *,
    timeout: float = 5.0,
    plans_kept: bool = True,
) -> AsyncConnectionPool:
    """A pool of connections in autocommit, opened without waiting for the server.

    Transactions are explicit: `async with connection.transaction()`. Rows are tuples unless a
    cursor says otherwise; times come back in UTC.

    Args:
        timeout: seconds to wait for a connection before `psycopg_pool.PoolTimeout`.
        plans_kept: a statement keeps its plan; else one is made for the tables as they are, at each
            execution.
    """
    pool = AsyncConnectionPool(
        settings.database_url,
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        open=False,
        kwargs={
            "autocommit": True,
            "application_name": "parcours",
            "connect_timeout": 5,
            "keepalives_idle": 30,
        },
        configure=_use_utc if plans_kept else _plan_anew,
    )
    await pool.open(wait=False)
    return pool


async def _use_utc(connection: psycopg.AsyncConnection) -> None:
    await connection.execute("SET TIME ZONE 'UTC'")


async def _plan_anew(connection: psycopg.AsyncConnection) -> None:
    await _use_utc(connection)
    # A plan that is kept may stem from a table that was empty then, and reads all of it until
    # statistics are gathered anew.
    await connection.execute("SET plan_cache_mode = force_custom_plan")


def ses_client(settings: Settings) -> "SESV2Client":
    """A client of SES v2 that never calls twice by itself: whether to is decided elsewhere."""
    import boto3  # imported here: half a second that only workers which send by AWS pay

    return boto3.client(
        "sesv2",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=_single_call(),
    )


def sns_client(settings: Settings) -> "SNSClient":
    """A client of SNS that never calls twice by itself: whether to is decided elsewhere."""
    import boto3

    return boto3.client(
        "sns",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=_single_call(),
    )


def _single_call() -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=5,
        read_timeout=20,
        max_pool_connections=100,
        retries={"total_max_attempts": 1},
    )


async def ensure_search_attributes(client: Client) -> None:
    """Register the four search attributes that the server does not have yet.

    Raises:
        SearchAttributesRefused: one exists with another type than Keyword.
    """
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    patience = timedelta(seconds=10)
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=patience
    )
    types = {**known.system_attributes, **known.custom_attributes}
    for name in SEARCH_ATTRIBUTES:
        if name in types and types[name] != keyword:
            found = IndexedValueType.Name(types[name]).removeprefix("INDEXED_VALUE_TYPE_")
            raise SearchAttributesRefused(
                f"search attribute {name} is of type {found.title()} in namespace "
                f"{client.namespace}; it must be Keyword"
            )
    missing = [name for name in SEARCH_ATTRIBUTES if name not in types]
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes=dict.fromkeys(missing, keyword),
            ),
            timeout=patience,
        )
    except RPCError as error:
        # Two processes that start together both find them missing.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise

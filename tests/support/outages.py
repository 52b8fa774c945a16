"""A PostgreSQL that a test can stop and start again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.ports import free_port
from devstack.postgres import Postgres
from devstack.process import Child
from store.migrations.upgrade import upgrade


@dataclass
class Outage:
    """A PostgreSQL of the test's own, that can be stopped and started."""

    server: Postgres
    child: Child

    async def begin(self) -> None:
        await self.child.stop()

    async def end(self) -> None:
        await self.server.prepare()
        self.child = await self.server.start()


@asynccontextmanager
async def own_postgres(directory: Path) -> AsyncIterator[Outage]:
    """A migrated server whose data are in the directory."""
    server = Postgres(directory / "data", free_port(), directory / "log", fleeting=True)
    await server.prepare()
    outage = Outage(server, await server.start())
    await server.create_database()
    upgrade(server.url())
    try:
        yield outage
    finally:
        await outage.child.stop()

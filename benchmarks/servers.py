"""The servers of a benchmark: PostgreSQL and Temporal, started as `parcours dev` starts them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from devstack.ports import free_port
from devstack.postgres import Postgres
from devstack.temporal_server import Temporal
from infra.settings import Settings
from store.migrations.upgrade import upgrade


@dataclass(frozen=True)
class Servers:
    """Both servers while they run."""

    settings: Settings
    temporal_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process with these settings."""
        return environment_of(self.settings)


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a process with the settings of a benchmark."""
    return {
        **os.environ,
        **settings.temporal,
        "DATABASE_URL": settings.database_url,
        "PARCOURS_FROM": settings.from_address or "",
        "PARCOURS_PUBLIC_URL": settings.public_url or "",
        "PARCOURS_LINK_KEYS": ",".join(key.get_secret_value() for key in settings.link_keys),
        "PARCOURS_SPOOL": str(settings.spool),
    }


@asynccontextmanager
async def database(directory: Path) -> AsyncIterator[Postgres]:
    """A migrated database in a directory, which stays there, without the cost of durability."""
    os.makedirs(directory, exist_ok=True)
    # The server runs as another user when this is root.
    os.chmod(directory, 0o755)
    postgres = Postgres(
        directory / "postgres", free_port(), directory / "postgres.log", fleeting=True
    )
    await postgres.prepare()
    server = await postgres.start()
    try:
        await postgres.create_database()
        upgrade(postgres.url())
        yield postgres
    finally:
        await server.stop()


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Start new servers in a temporary directory, and stop them when the context ends."""
    with tempfile.TemporaryDirectory(prefix="parcours-bench-") as name:
        directory = Path(name)
        # The database server runs as another user when this is root.
        os.chmod(directory, 0o755)
        postgres = Postgres(directory / "postgres", free_port(), directory / "postgres.log")
        await postgres.prepare()
        database = await postgres.start()
        try:
            await postgres.create_database()
            upgrade(postgres.url())
            file = directory / "temporal.db"
            temporal = Temporal(file, free_port(), None, directory / "temporal.log")
            server = await temporal.start()
            try:
                settings = Settings(
                    database_url=postgres.url(),
                    temporal={
                        "TEMPORAL_ADDRESS": temporal.address,
                        "TEMPORAL_NAMESPACE": "default",
                        "TEMPORAL_CONFIG_FILE": os.devnull,
                    },
                    from_address="bench@example.com",
                    # Links are made, and followed, as where mail is really sent.
                    public_url="https://links.example.com",
                    link_keys=(SecretStr("the key of the links of a benchmark"),),
                    spool=directory / "spool",
                )
                yield Servers(settings, file)
            finally:
                await server.stop()
        finally:
            await database.stop()

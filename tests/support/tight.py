"""A Temporal server that asks workflows to continue as new after few events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devstack.ports import free_port
from devstack.temporal_server import Temporal


@asynccontextmanager
async def tight_server(directory: Path, *, events: int) -> AsyncIterator[str]:
    """The address of a server of its own, with continue-as-new suggested from `events` on."""
    server = Temporal(
        None,
        free_port(),
        None,
        directory / "temporal.log",
        dynamic_config={"limit.historyCount.suggestContinueAsNew": str(events)},
    )
    child = await server.start()
    try:
        yield server.address
    finally:
        await child.stop()

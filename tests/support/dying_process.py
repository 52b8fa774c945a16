"""A dispatcher or a drainer as a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatch.dispatcher import Dispatcher
from dispatch.segments import segment_queue
from infra.clients import connect_temporal, open_pool
from infra.settings import Settings
from store.definitions.catalog import Catalog


@asynccontextmanager
async def dying_process(part: str, settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that does all that is to be done by its part: `dispatcher` or `drainer`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        part,
        env={**os.environ, **settings.temporal, "DATABASE_URL": settings.database_url},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def main(part: str) -> None:
    """Work until nothing is left, or until the process is killed."""
    temporal = {name: value for name, value in os.environ.items() if name.startswith("TEMPORAL_")}
    settings = Settings(database_url=os.environ["DATABASE_URL"], temporal=temporal)
    pool = await open_pool(settings, min_size=1, max_size=4)
    if part == "dispatcher":
        await Dispatcher(pool, await connect_temporal(settings), Catalog()).drain()
    else:
        await segment_queue(pool, Catalog()).drain()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

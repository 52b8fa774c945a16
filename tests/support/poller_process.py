"""A poller of notifications as a process of its own, for tests that kill it."""

import asyncio
import sys

from inbound.intake import Intake
from inbound.queue import QueuePoller
from infra.clients import open_pool
from infra.settings import Settings


async def main(database_url: str, endpoint: str, queue_url: str) -> None:
    """Poll until the process is killed."""
    pool = await open_pool(Settings(database_url=database_url), min_size=1, max_size=4)
    poller = QueuePoller(
        Intake(pool),
        queue_url,
        region="eu-west-1",
        endpoint_url=endpoint,
        wait=1,
        invisible=1,
    )
    await poller.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

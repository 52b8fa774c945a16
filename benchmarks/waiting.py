"""Waiting for a state that only looking tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(look: Callable[[], Awaitable[bool]], every: float = 0.1) -> None:
    """Look every so many seconds until it is so."""
    while True:
        if await look():
            return
        await asyncio.sleep(every)

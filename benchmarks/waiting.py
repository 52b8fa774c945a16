"""Waiting for a condition by asking for it again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], every: float = 0.1) -> None:
    """Ask every `every` seconds until the condition holds."""
    while True:
        if await condition():
            return
        await asyncio.sleep(every)

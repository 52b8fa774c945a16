"""The whole show: the play in view of the reader, then what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from demo.board import Board
from demo.expected import COUNTS
from demo.play import play
from demo.server import Server
from demo.shop import Shop, Undelivered
from demo.summary import show_addresses, show_mail, show_stats
from demo.verification import missing_counts, missing_fates, settled
from demo.watch import Watch

WITHIN = 110.0
"""Seconds: twice what the longest story takes."""
_MAIL_OF = "gita@example.com"
_RUN_OF = "hugo"


async def show(
    stack: Mapping[str, Any], console: Console, speed: float, data_dir: Path
) -> list[str]:
    """Let the cast act until everybody is where they end up, and print what came of it.

    Args:
        stack: what `stack.json` says.
        speed: what the stack divides waits by.
        data_dir: where the stack keeps its data, to be named.

    Returns:
        What is missing, a line each; nothing if all is as it must be.
    """
    server = Server(stack["api"], stack["keys"]["operate"])
    watch = Watch(server)
    looking = asyncio.create_task(watch.look())
    try:
        missing = await _act(stack, watch, console, speed)
        stats = {journey: await server.stats(journey) for journey in COUNTS}
        for each in stats.values():
            console.print()
            show_stats(console, each)
        mails = watch.mails.get(_MAIL_OF, [])
        if mails:
            console.print()
            show_mail(console, mails[0])
        console.print()
        runs = watch.runs_of(_RUN_OF)
        show_addresses(console, stack, data_dir, runs[-1] if runs else None)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await server.close()
    return [*missing, *missing_fates(watch), *missing_counts(stats)]


async def _act(stack: Mapping[str, Any], watch: Watch, console: Console, speed: float) -> list[str]:
    keys = stack["keys"]
    shop = Shop(stack["api"], ingest=keys["ingest"], operate=keys["operate"])
    board = Board(watch, console, speed)
    try:
        async with _in_view(board, watch, console), asyncio.timeout(WITHIN):
            await play(shop, watch, board.tell)
            await shop.delivered()
            await watch.until(lambda: settled(watch))
    except TimeoutError:
        return [f"not everybody was where they end up after {WITHIN:.0f} s"]
    except Undelivered as error:
        return [f"the Segment client gave up: {error}"]
    finally:
        await asyncio.to_thread(shop.close)
    return []


@asynccontextmanager
async def _in_view(board: Board, watch: Watch, console: Console) -> AsyncIterator[None]:
    """Show the board while the play goes on."""
    if console.is_terminal:
        with Live(board, console=console, refresh_per_second=5):
            yield
        return
    telling = asyncio.create_task(_tell(board, watch))
    try:
        yield
        board.tell_changes()
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell(board: Board, watch: Watch) -> None:
    while True:
        await watch.changed()
        board.tell_changes()

"""The demo from start to end: the live view, then statistics, a mail and addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from demo.api_client import Server
from demo.board import Board
from demo.expected import COUNTS
from demo.play import play
from demo.shop import Shop, Undelivered
from demo.summary import show_addresses, show_mail, show_stats
from demo.verification import contact_differences, count_differences, is_settled
from demo.watch import Watch

WITHIN = 110.0
"""Seconds: twice as long as the slowest contact takes."""
_MAIL_OF = "gita@example.com"
_RUN_OF = "hugo"


async def show(
    stack: Mapping[str, Any], console: Console, speed: float, data_dir: Path
) -> list[str]:
    """Play the demo until every contact has its expected result, then print the results.

    Args:
        stack: what `stack.json` says.
        speed: what the stack divides waits by.
        data_dir: where the stack keeps its data, to be named.

    Returns:
        A line for each difference from the expected result; none if all is as expected.
    """
    server = Server(stack["api"], stack["keys"]["operate"])
    watch = Watch(server)
    refreshing = asyncio.create_task(watch.refresh_forever())
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
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)
        await server.close()
    return [*missing, *contact_differences(watch), *count_differences(stats)]


async def _act(stack: Mapping[str, Any], watch: Watch, console: Console, speed: float) -> list[str]:
    keys = stack["keys"]
    shop = Shop(stack["api"], ingest=keys["ingest"], operate=keys["operate"])
    board = Board(watch, console, speed)
    try:
        async with _in_view(board, watch, console), asyncio.timeout(WITHIN):
            await play(shop, watch, board.report)
            await shop.delivered()
            await watch.until(lambda: is_settled(watch))
    except TimeoutError:
        return [f"not every contact had its expected result after {WITHIN:.0f} s"]
    except Undelivered as error:
        return [f"the Segment client gave up: {error}"]
    finally:
        await asyncio.to_thread(shop.close)
    return []


@asynccontextmanager
async def _in_view(board: Board, watch: Watch, console: Console) -> AsyncIterator[None]:
    """Show the board while the contacts act."""
    if console.is_terminal:
        with Live(board, console=console, refresh_per_second=5):
            yield
        return
    printing = asyncio.create_task(_print_changes(board, watch))
    try:
        yield
        board.print_changes()
    finally:
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)


async def _print_changes(board: Board, watch: Watch) -> None:
    while True:
        await watch.changed()
        board.print_changes()

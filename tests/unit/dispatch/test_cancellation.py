"""Loops that run until they are cancelled end, also where what they await keeps that to itself."""

from __future__ import annotations

import asyncio

from dispatch.cancellation import end_if_cancelled


async def test_a_loop_ends_whose_wait_keeps_its_cancellation_to_itself() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    rounds = 0

    async def loop() -> None:
        nonlocal rounds
        while True:
            end_if_cancelled()
            rounds += 1
            try:
                await asyncio.shield(answer)
            except asyncio.CancelledError:
                # As `asyncio.wait_for` of Python 3.11 does with an answer at the same moment.
                continue

    task = asyncio.create_task(loop())
    await asyncio.wait([task], timeout=0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done == {task}
    assert task.cancelled()
    assert rounds == 1

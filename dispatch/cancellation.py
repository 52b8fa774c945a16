"""The end of loops that run until they are cancelled."""

from __future__ import annotations

import asyncio


def end_if_cancelled() -> None:
    """Raise CancelledError if the task was cancelled and what it awaited kept that to itself.

    In Python 3.11 `asyncio.wait_for` does so if its answer comes at the same moment, and a pool of
    psycopg waits by it for a connection.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

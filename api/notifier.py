"""Notifications to the dispatchers that the outbox holds new events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from store.events.notification import commit_without_waiting, notify
from store.events.outbox import CHANNEL

AT_MOST_EVERY = 0.010
"""The least seconds between two notifications.

A notification inside each transaction would make commits wait for each other."""
_RECONNECT_AFTER = 1.0
_CONNECTED_WITHIN = 2.0
"""Seconds for which a connection that is being made is waited for before it is given up."""

_log = structlog.get_logger(__name__)


class Notifier:
    """Notifies dispatchers after commits, on its own connection, at most every 10 ms.

    A lost notification only delays events: dispatchers poll as well.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._due = asyncio.Event()
        self._tried = asyncio.Event()
        """No connection is being made."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to notify, in the running event loop."""
        self._task = asyncio.create_task(self._run(), name=f"notify {CHANNEL}")

    async def stop(self) -> None:
        """Stop to notify, and close the connection.

        One that is being made is waited for: PostgreSQL would wait a minute for the rest of it, and
        drop no database meanwhile.
        """
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CONNECTED_WITHIN):
                    await self._tried.wait()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Ask for a notification: events were committed."""
        self._due.set()

    async def _run(self) -> None:
        while True:
            self._tried.clear()
            try:
                conn = await AsyncConnection.connect(
                    self._database_url, autocommit=True, application_name="parcours-notifier"
                )
                self._tried.set()
                async with conn:
                    await self._serve(conn)
            except psycopg.Error as error:
                self._tried.set()
                _log.warning("notifier_disconnected", error=type(error).__name__)
                await asyncio.sleep(_RECONNECT_AFTER)

    async def _serve(self, conn: AsyncConnection[Any]) -> None:
        await commit_without_waiting(conn)
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await notify(conn)
            except psycopg.Error:
                self._due.set()
                raise
            await asyncio.sleep(AT_MOST_EVERY)

"""Notification of the dispatchers, by NOTIFY, that the outbox has events."""

from __future__ import annotations

from store.events.outbox import CHANNEL
from store.sql import Connection, execute, name, sql

_NOTIFY = sql("select pg_notify(%(channel)s, '')")
_COMMIT_AT_ONCE = sql("set synchronous_commit = off")
_LISTEN = sql("listen {channel}", channel=name(CHANNEL))


async def notify(conn: Connection) -> None:
    """Wake the dispatchers that listen.

    Never called in a transaction that records events: NOTIFY makes commits wait for each other.
    """
    await execute(conn, _NOTIFY, {"channel": CHANNEL})


async def commit_without_waiting(conn: Connection) -> None:
    """Let no commit on this connection wait for the disk: a notification has nothing to keep."""
    await execute(conn, _COMMIT_AT_ONCE)


async def listen(conn: Connection) -> None:
    """Receive the notifications on this connection, which must be a direct one in autocommit."""
    await execute(conn, _LISTEN)

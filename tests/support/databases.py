"""Databases of one's own on the run's server, copied from a template."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql

from tests.support.servers import Servers

DROPS_AT_ONCE = 2
"""Used databases that wait to be dropped: each takes 15 MB of memory or more."""


@contextmanager
def cloning(servers: Servers, template: str) -> Iterator[Clones]:
    """Copies of a template database, dropped when the context ends."""
    with (
        psycopg.connect(servers.postgres_url, autocommit=True) as connection,
        ExitStack() as dropping,
    ):
        yield Clones(connection, servers, template, dropping)


class Clones:
    """Makes copies, each with a name of its own."""

    def __init__(
        self, connection: psycopg.Connection, servers: Servers, template: str, dropping: ExitStack
    ) -> None:
        self._connection = connection
        self._servers = servers
        self._template = template
        self._dropping = dropping

    def make(self) -> str:
        """A new copy; its URL."""
        name = _copy(self._connection, self._template)
        self._dropping.callback(_drop, self._connection, name)
        return self._servers.database(name)


@contextmanager
def stocking(servers: Servers, template: str) -> Iterator[Stock]:
    """Copies of a template database for one test after another."""
    with (
        psycopg.connect(servers.postgres_url, autocommit=True) as connection,
        ThreadPoolExecutor(1) as behind,
    ):
        yield Stock(connection, servers, template, behind)
        # What is left goes with the server.
        behind.shutdown(cancel_futures=True)


class Stock:
    """Has a copy ready before it is asked for, and drops used ones, while tests run.

    A test would wait for both, which take longer than many tests.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        servers: Servers,
        template: str,
        behind: ThreadPoolExecutor,
    ) -> None:
        self._connection = connection
        self._servers = servers
        self._template = template
        self._behind = behind
        self._next = self._make()
        self._drops: deque[Future[None]] = deque()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a copy that nothing else has used. It is dropped after the context.

        Raises:
            psycopg.Error: it cannot be made, or an earlier one cannot be dropped.
        """
        name = self._next.result()
        self._next = self._make()
        try:
            yield self._servers.database(name)
        finally:
            self._drops.append(self._behind.submit(_drop, self._connection, name))
            while len(self._drops) > DROPS_AT_ONCE:
                self._drops.popleft().result()

    def _make(self) -> Future[str]:
        return self._behind.submit(_copy, self._connection, self._template)


def _copy(connection: psycopg.Connection, template: str) -> str:
    name = f"test_{secrets.token_hex(8)}"
    # Copying files takes half the time of writing pages to the log, where files are in memory.
    copied = sql.SQL("create database {} template {} strategy file_copy")
    connection.execute(copied.format(sql.Identifier(name), sql.Identifier(template)))
    return name


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

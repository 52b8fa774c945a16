"""Databases of one's own on the run's server, copied from a template."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql

from tests.support.servers import Servers


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
        self._template = sql.Identifier(template)
        self._dropping = dropping

    def make(self) -> str:
        """A new copy; its URL."""
        name = f"test_{secrets.token_hex(8)}"
        copy = sql.Identifier(name)
        # Copying files takes half the time of writing pages to the log, where files are in memory.
        made = sql.SQL("create database {} template {} strategy file_copy")
        self._connection.execute(made.format(copy, self._template))
        dropped = sql.SQL("drop database {} with (force)").format(copy)
        self._dropping.callback(self._connection.execute, dropped)
        return self._servers.database(name)

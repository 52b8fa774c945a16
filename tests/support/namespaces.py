"""A Temporal namespace for each test, on servers that follow one another.

A server keeps metrics of every namespace that was ever at work on it, and goes through all of them
each second: after a thousand tests it works four times as much for a test. To start another takes
half a second of a core. So the keeper starts the next server when half of the newest one's
namespaces are taken, and ends a server once all of its own were taken and given back.

A test takes a namespace by a connection to the keeper. It gives it back by closing the connection,
which the system does for a process that dies.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.ports import free_port
from devstack.process import Child, StackFailed
from devstack.temporal_server import Temporal

EACH = 50
"""Namespaces of a server, made at its start, when they cost nothing."""
SOCKET = "namespaces.socket"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, with our search attributes, and the address of its server."""

    address: str
    name: str


@contextmanager
def namespace_taken(directory: Path) -> Iterator[Namespace]:
    """A namespace that no other test of the run has had, until the context ends.

    Args:
        directory: of the keeper.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(directory / SOCKET))
        with connection.makefile() as answers:
            answer = answers.readline()
        if not answer:
            log = (directory / "keeper.log").read_text()
            raise AssertionError(f"no Temporal server started:\n{log}")
        yield Namespace(**json.loads(answer))


@dataclass
class _Server:
    child: Child
    address: str
    free: list[str]
    taken: int = 0


class Namespaces:
    """The keeper's side: its servers, and who has which namespace.

    Args:
        directory: for the socket that tests ask at, and the servers' log.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._made = 0
        self._running: list[_Server] = []
        self._newest: _Server | None = None
        self._next: asyncio.Task[_Server] | None = None
        self._turn = asyncio.Lock()
        self._listener: asyncio.Server | None = None

    @property
    def taken(self) -> int:
        """How many namespaces tests have now."""
        return sum(server.taken for server in self._running)

    async def open(self) -> None:
        """Start the first server, and let tests ask.

        Raises:
            StackFailed: it does not start.
        """
        self._newest = await self._start()
        self._listener = await asyncio.start_unix_server(self._lend, self.directory / SOCKET)

    async def close(self) -> None:
        """End all servers."""
        if self._listener is not None:
            self._listener.close()
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        while self._running:
            await self._end(self._running[0])

    async def _lend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server, name = await self._take()
        except StackFailed as failure:
            sys.stderr.write(f"{failure}\n")
            writer.close()
            return
        try:
            answer = asdict(Namespace(server.address, name))
            writer.write(f"{json.dumps(answer)}\n".encode())
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
            server.taken -= 1
        if not server.free and not server.taken:
            await self._end(server)

    async def _take(self) -> tuple[_Server, str]:
        async with self._turn:
            if self._newest is None or not self._newest.free:
                starting, self._next = self._next, None
                self._newest = await (starting or self._start())
            server = self._newest
            name = server.free.pop()
            server.taken += 1
            if len(server.free) == EACH // 2:
                self._next = asyncio.create_task(self._start())
            return server, name

    async def _start(self) -> _Server:
        names = [f"test-{number}" for number in range(self._made, self._made + EACH)]
        self._made += EACH
        temporal = Temporal(
            None,
            free_port(),
            None,
            self.directory / "temporal.log",
            namespaces=names,
            # Else every namespace has workers of its own, for schedules, which cost a fifth of a
            # core.
            dynamic_config={
                "worker.perNamespaceWorkerCount": "0",
                "matching.numTaskqueueReadPartitions": "1",
                "matching.numTaskqueueWritePartitions": "1",
            },
        )
        server = _Server(await temporal.start(), temporal.address, names)
        self._running.append(server)
        return server

    async def _end(self, server: _Server) -> None:
        """Kill it: to stop takes it seconds, and what it has is in memory."""
        self._running.remove(server)
        server.child.kill()
        await server.child.wait()

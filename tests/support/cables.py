"""A connection between a client and a server, which a test cuts and mends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cable:
    """Connections to `address` are passed on to the server while the cable is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._whole = True
        self._answers = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.address = ""

    def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        self._whole = False
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        """Take connections again."""
        self._whole = self._answers = True
        self._flowing.set()

    def lose_answers(self) -> None:
        """Pass on what clients send, and break the connection instead of the answer."""
        self._answers = False

    def hold(self) -> None:
        """Let what clients send wait until the cable is mended; it is lost of those that left."""
        self._flowing.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Called for each connection."""
        if not self._whole:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        both = {writer, there_writer}
        self._ends |= both
        await asyncio.gather(
            self._pass_on(reader, there_writer),
            self._pass_on(there_reader, writer, answers=True),
        )
        self._ends -= both

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool = False,
    ) -> None:
        try:
            await self._pass_all_on(reader, writer, answers)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _pass_all_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        while read := await reader.read(1 << 16):
            if answers and not self._answers:
                writer.transport.abort()
                return
            if not answers and not self._flowing.is_set():
                await self._flowing.wait()
                if reader.at_eof() or reader.exception() is not None:
                    return
            writer.write(read)
            await writer.drain()


@asynccontextmanager
async def cable(address: str) -> AsyncIterator[Cable]:
    """A cable to the server at `HOST:PORT`, until the context ends."""
    host, _, port = address.rpartition(":")
    laid = Cable(host, int(port))
    listening = await asyncio.start_server(laid.serve, "127.0.0.1", 0)
    laid.address = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield laid
    finally:
        listening.close()
        laid.cut()

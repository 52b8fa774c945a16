"""A mail server that forgets: `python -m benchmarks.smtp_sink PORT`.

It takes every mail at once and costs as little as it can, so that the sender is what is measured.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

from devstack.ports import HOST, free_port

_READY = "ready"
_END = b"\r\n.\r\n"


class _Session(asyncio.Protocol):
    """A connection. Its client waits for each answer, as one without PIPELINING does."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        # uvloop's transports have no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer to a command or to a mail that is complete."""
        received = self._received
        received += data
        if not received.endswith(_END if self._in_mail else b"\r\n"):
            return
        verb = b"" if self._in_mail else bytes(received[:4]).upper()
        received.clear()
        self._in_mail = verb == b"DATA"
        assert self._transport is not None
        if verb == b"EHLO":
            self._transport.write(b"250-sink\r\n250 SIZE 40000000\r\n")
        elif verb == b"DATA":
            self._transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 2.0.0 Ok: queued as 4F1D2\r\n")


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Session, HOST, port)
    print(_READY, flush=True)
    await server.serve_forever()


@contextmanager
def smtp_sink() -> Iterator[str]:
    """Run the server in a process of its own until the context ends; its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.smtp_sink", str(port)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != _READY:
            raise RuntimeError("the mail server did not start")
        yield f"smtp://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))

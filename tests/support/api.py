"""The API as a real server on a port of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from api.http.connections import ConnectionLimits, server_config
from channels.sns_signature import Fetch
from infra.settings import Settings
from tests.support.conditions import eventually


class _Server(uvicorn.Server):
    """A server that stops at once: uvicorn's looks ten times a second whether it is to stop, and
    rests for as long before it looks whether its connections have closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask it to stop, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Return once it is to stop. Until then the header `Date` is set every second."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            try:
                await asyncio.wait_for(self._stopping.wait(), 1.0)
            except TimeoutError:
                pass

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is under way end, then the application."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state = self.server_state
        await eventually(lambda: not (state.connections or state.tasks), 20, every=0.005)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


@contextmanager
def serving(settings: Settings, *, amazon: Fetch | None = None, port: int = 0) -> Iterator[str]:
    """The API's address, while it is served in a thread with a loop of its own.

    `amazon` stands for the host that serves the certificates of SNS. `port`: 0 for any.
    """
    listening = socket.create_server(("127.0.0.1", port))
    limits = ConnectionLimits(
        header_seconds=settings.http_header_seconds, unfinished=settings.http_unfinished
    )
    config = server_config(create_app(settings, amazon=amazon), limits)
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.stop()
        thread.join(20)
        listening.close()
        assert not thread.is_alive()

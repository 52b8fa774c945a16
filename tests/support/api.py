"""The API as a real server on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from api.http.connections import ConnectionLimits, server_config
from channels.sns_signature import Fetch
from infra.settings import Settings


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
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()

"""Connections to addresses that an address policy permits.

A name is resolved once, and the policy checks the addresses to which the connection is then made,
so that a second resolution cannot lead elsewhere. The host of the request and of TLS is the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from time import monotonic

import httpcore

from channels.webhook.allowed_addresses import AddressPolicy


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the first permitted address of a name that answers.

    It makes one connection. `aclose` closes it: httpcore leaves it open if it is cancelled between
    TCP and TLS.
    """

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._backend = httpcore.AnyIOBackend()
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to `host`. `timeout` is in seconds, for all addresses together.

        Raises Forbidden if the policy permits no address, httpcore.ConnectError or ConnectTimeout
        if there is no address or no answer.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        addresses = self._policy.permitted(host, dict.fromkeys(str(info[4][0]) for info in found))
        deadline = None if timeout is None else monotonic() + timeout
        for left in range(len(addresses), 0, -1):
            # Time is divided, so that an address without an answer leaves some for the others.
            share = None if deadline is None else max(0.0, deadline - monotonic()) / left
            try:
                self._stream = await self._backend.connect_tcp(
                    addresses[-left], port, share, local_address, socket_options
                )
                return self._stream
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("a policy permits at least one address or raises")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises httpcore.ConnectError: webhooks do not use Unix sockets."""
        raise httpcore.ConnectError("webhooks do not call Unix sockets")

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await self._backend.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        if self._stream is not None:
            await self._stream.aclose()

"""Files at URLs, fetched for attachments: from places that a setting allows, within bounds.

A name is resolved once, and private addresses are refused as they are for webhooks. Redirects are
not followed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import httpcore
import httpx

from channels.webhook.allowed_addresses import AddressPolicy, Forbidden, Network
from channels.webhook.network import GuardedNetwork
from journeys.model.attachments import ATTACHMENTS_BYTES, is_within

_TIMEOUT = 5.0
"""Seconds for a whole file."""
_TOGETHER = 4
"""Files that are fetched at the same time, for all requests."""
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
UNKNOWN_TYPE = "application/octet-stream"


class FetchFailed(Exception):
    """A file that could not be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as it was at its URL."""

    content: bytes = field(repr=False)
    content_type: str


class RemoteFiles:
    """Fetches files under the URLs `sources`.

    `allow` holds the private networks that may be reached. `tls_context` replaces the default one.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        allow: Iterable[str | Network] = (),
        timeout: float = _TIMEOUT,
        limit: int = ATTACHMENTS_BYTES,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self._policy = AddressPolicy(allow)
        self._timeout = timeout
        self._limit = limit
        self._tls_context = tls_context
        self._slots = asyncio.Semaphore(_TOGETHER)

    async def fetch(self, url: str) -> RemoteFile:
        """The file at a URL. Raises FetchFailed."""
        if not is_within(url, self.sources):
            raise FetchFailed("PARCOURS_ATTACHMENTS_FROM does not name its place")
        try:
            # The turn is waited for first: the caller bounds all files together.
            async with self._slots, asyncio.timeout(self._timeout):
                return await self._fetch(httpx.URL(url))
        except TimeoutError:
            raise FetchFailed(f"it did not come within {self._timeout:g} s") from None
        except Forbidden:
            raise FetchFailed(
                "its host has no address on the public internet, and PARCOURS_WEBHOOK_ALLOW does "
                "not hold its network"
            ) from None
        except FetchFailed:
            raise
        except Exception as error:
            # httpcore raises the errors of three libraries, and groups of them.
            raise FetchFailed(f"its host does not answer: {_words(error)}") from None

    async def _fetch(self, url: httpx.URL) -> RemoteFile:
        if self._tls_context is None:
            self._tls_context = httpx.create_ssl_context()
        network = GuardedNetwork(self._policy)
        port = url.port or (443 if url.scheme == "https" else 80)
        connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(scheme=url.raw_scheme, host=url.raw_host, port=port),
            ssl_context=self._tls_context,
            network_backend=network,
        )
        try:
            async with connection.stream(
                "GET",
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=[
                    ("Host", url.netloc.decode("ascii")),
                    ("User-Agent", "Parcours"),
                    # A compressed file could grow without limit when it is unpacked.
                    ("Accept-Encoding", "identity"),
                ],
            ) as response:
                return await self._read(response)
        finally:
            await connection.aclose()
            await network.aclose()

    async def _read(self, response: httpcore.Response) -> RemoteFile:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        if 300 <= response.status < 400:
            raise FetchFailed("it redirects: write the address that it leads to")
        if response.status != 200:
            raise FetchFailed(f"its host answers {response.status}")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise FetchFailed("its host sends it compressed, which was not asked for")
        content = bytearray()
        async for chunk in response.aiter_stream():
            content += chunk
            if len(content) > self._limit:
                raise FetchFailed(f"it has more than {self._limit} bytes")
        if not content:
            raise FetchFailed("it is empty")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return RemoteFile(bytes(content), kind if _TYPE.fullmatch(kind) else UNKNOWN_TYPE)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

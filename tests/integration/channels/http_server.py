"""An HTTP server that answers as a test says, and remembers what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What came; names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Exchange:
    """The request, and the connection to answer it by, or not."""

    request: Request
    writer: asyncio.StreamWriter
    forever: asyncio.Event

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.raw(
            f"HTTP/1.1 {status} X\r\n"
            f"Content-Length: {len(body)}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in named.items())
            + "\r\n",
            body,
        )

    async def raw(self, head: str, body: bytes = b"") -> None:
        self.writer.write(head.encode() + body)
        await self.writer.drain()

    def drop(self) -> None:
        """End the connection without a word more."""
        self.writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing more until the server ends."""
        await self.forever.wait()


Behaviour = Callable[[Exchange], Awaitable[None]]


async def ok(exchange: Exchange) -> None:
    await exchange.answer(200, b"{}", Content_Type="application/json")


@dataclass(slots=True)
class HttpServer:
    """`behaviour` answers each request whole; `on_connect` may end a connection before any."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    behaviour: Behaviour = ok
    forever: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                self.requests.append(request)
                await self.behaviour(Exchange(request, writer, self.forever))
                if writer.is_closing():
                    return
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


@asynccontextmanager
async def running_http(tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    """A server on a free port of 127.0.0.1."""
    server = HttpServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.forever.set()
        listening.close()

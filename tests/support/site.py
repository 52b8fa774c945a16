"""A site on this machine: a few pages, each with its headers, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class File:
    """What a path answers."""

    body: bytes
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """The files of a site, by path; they may change while it is served."""

    url: str
    files: dict[str, File] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return self.url.partition("://")[2]

    def page(self, path: str, head: str, body: str = "", **headers: str) -> str:
        """Add a page, whose title is its path; its address."""
        html = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{path}</title>'
            f'<link rel="icon" href="data:,">{head}</head><body><h1>{path}</h1>{body}</body></html>'
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = File(html.encode(), headers=named)
        return self.url + path

    def script(self, path: str, text: str) -> str:
        """Add a script of the site; its address."""
        self.files[path] = File(text.encode(), "text/javascript")
        return self.url + path


@contextmanager
def serving_site() -> Iterator[Site]:
    """A site without files, until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = site.files.get(self.path.partition("?")[0])
            body = found.body if found is not None else b"not here"
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", found.kind if found is not None else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (found.headers if found is not None else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

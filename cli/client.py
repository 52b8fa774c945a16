"""A client of the API: the server of the settings or of `stack.json`, called by HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO
from urllib.parse import quote

import typer

from cli.errors import ExitCode, code_of_status, refuse

if TYPE_CHECKING:
    import httpx

DataDir = Annotated[
    Path, typer.Option(help="The directory of `parcours dev`, used unless PARCOURS_API_URL is set.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer of the API.")]
DATA_DIR = Path(".parcours")

_TIMEOUT = 30.0
_PAGE = 500
"""Items of one page of a list."""
_VIA = {"Parcours-Via": "cli"}
"""By this header the audit log knows that a change was made by a command."""
_CHUNK = 65_536
"""Bytes that are read from a pipe at once."""


@dataclass(frozen=True)
class Server:
    """The address of an API, and a key for it."""

    url: str
    key: str
    local: bool
    """The server is on this machine, so no proxy is used."""

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """The answer to a GET. Parameters that are None are left out."""
        present = {name: value for name, value in parameters.items() if value is not None}
        return self._call("GET", path, params=present)

    def get_unless(self, path: str, code: str, **parameters: Any) -> httpx.Response | None:
        """The answer to a GET; None if it is refused with 409 and this code."""
        present = {name: value for name, value in parameters.items() if value is not None}
        return self._unless(self._ask("GET", path, params=present), code)

    def find(self, path: str) -> httpx.Response | None:
        """The answer to a GET; None if nothing is there."""
        response = self._ask("GET", path)
        if response.status_code == 404:
            return None
        if not response.is_success:
            refuse(_error_message(self.url, response), code_of_status(response.status_code))
        return response

    def list_all(self, path: str, *, page: int = _PAGE, **parameters: Any) -> list[Any]:
        """All items of a list, read `page` at a time. Parameters that are None are left out."""
        items: list[Any] = []
        cursor = None
        while True:
            answer = self.get(path, limit=page, cursor=cursor, **parameters).json()
            items += answer["items"]
            cursor = answer["next"]
            if cursor is None:
                return items

    def list_up_to(
        self, path: str, limit: int, cursor: str | None, **parameters: Any
    ) -> dict[str, Any]:
        """So many `items` of a list, and the cursor `next` of what follows, if there is more.

        A page may have fewer than were asked for although there is another: then that is read too.
        """
        page: dict[str, Any] = {"items": [], "next": cursor}
        while len(page["items"]) < limit:
            answer = self.get(
                path, limit=limit - len(page["items"]), cursor=page["next"], **parameters
            ).json()
            page = {"items": page["items"] + answer["items"], "next": answer["next"]}
            if page["next"] is None:
                break
        return page

    def post(self, path: str, body: Any = None) -> httpx.Response:
        """The answer to a POST of JSON."""
        return self._call("POST", path, json=body if body is not None else {})

    def post_unless(self, path: str, body: Any, code: str) -> httpx.Response | None:
        """The answer to a POST; None if it is refused with 409 and this code."""
        return self._unless(self._ask("POST", path, json=body), code)

    def _unless(self, response: httpx.Response, code: str) -> httpx.Response | None:
        if response.status_code == 409 and response.json().get("code") == code:
            return None
        if not response.is_success:
            refuse(_error_message(self.url, response), code_of_status(response.status_code))
        return response

    def put(self, path: str, body: Any) -> httpx.Response:
        """The answer to a PUT of JSON."""
        return self._call("PUT", path, json=body)

    def delete(self, path: str) -> httpx.Response:
        """The answer to a DELETE."""
        return self._call("DELETE", path)

    def upload(
        self,
        path: str,
        file: BinaryIO,
        kind: str,
        *,
        method: str = "POST",
        timeout: float | None = _TIMEOUT,
    ) -> httpx.Response:
        """The answer to an upload of a file, or of a pipe, whose length is not known.

        `timeout`: seconds; None waits for as long as a large file takes.
        """
        content = file if file.seekable() else iter(partial(file.read, _CHUNK), b"")
        headers = {"Content-Type": kind}
        return self._call(method, path, content=content, headers=headers, timeout=timeout)

    def download(self, path: str, file: Path) -> None:
        """Write the answer to a GET into a file, in parts. Raises OSError."""
        part = file.with_name(f"{file.name}.part")
        with part.open("wb") as target:
            self._call("GET", path, into=target)
        part.replace(file)

    def print_file(self, path: str, target: BinaryIO, **parameters: Any) -> None:
        """Write the answer to a GET, in parts. Parameters that are None are left out."""
        present = {name: value for name, value in parameters.items() if value is not None}
        self._call("GET", path, params=present, timeout=None, into=target)

    @contextmanager
    def following(
        self, path: str, after: str | None, *, silence: float, **parameters: Any
    ) -> Iterator[httpx.Response]:
        """A stream of server-sent events after the one with an id, without an end of its own.

        Raises httpx.TransportError where it is cut, or silent for so many seconds. The command ends
        with a message if the call is refused; while the server is away or ends it is as if cut.
        """
        import httpx

        present = {name: value for name, value in parameters.items() if value is not None}
        headers = {"Authorization": f"Bearer {self.key}", **_VIA}
        if after is not None:
            headers["Last-Event-ID"] = after
        with (
            httpx.Client(
                base_url=self.url,
                headers=headers,
                timeout=httpx.Timeout(_TIMEOUT, read=silence),
                trust_env=not self.local,
            ) as client,
            client.stream("GET", path, params=present) as response,
        ):
            if response.status_code in (502, 503, 504):
                raise httpx.ReadError(f"{self.url} answered {response.status_code}")
            if not response.is_success:
                response.read()
                refuse(_error_message(self.url, response), code_of_status(response.status_code))
            yield response

    def _call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer. The command ends with a message if there is none, or if it is an error."""
        response = self._ask(method, path, **more)
        if not response.is_success:
            refuse(_error_message(self.url, response), code_of_status(response.status_code))
        return response

    def _ask(
        self,
        method: str,
        path: str,
        *,
        timeout: float | None = _TIMEOUT,
        into: BinaryIO | None = None,
        **more: Any,
    ) -> httpx.Response:
        """The answer. The command ends with a message if there is none.

        `into`: where the body of an answer without an error is written as it comes.
        """
        import httpx

        try:
            with (
                httpx.Client(
                    base_url=self.url,
                    headers={"Authorization": f"Bearer {self.key}", **_VIA},
                    timeout=timeout,
                    trust_env=not self.local,
                ) as client,
                client.stream(method, path, **more) as response,
            ):
                if into is None or not response.is_success:
                    response.read()
                else:
                    for chunk in response.iter_bytes():
                        into.write(chunk)
        except httpx.TimeoutException:
            refuse(f"{self.url} did not answer within {_TIMEOUT:g} s", ExitCode.UNREACHABLE)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            refuse(
                f"PARCOURS_API_URL is no address such as http://127.0.0.1:8000: {self.url}",
                ExitCode.USAGE,
            )
        except httpx.HTTPError as error:
            refuse(
                f"{self.url} cannot be reached ({error}): is the server running?",
                ExitCode.UNREACHABLE,
            )
        return response


def as_page(items: list[Any]) -> str:
    """All items of a list as JSON, in the form of one page of the API."""
    page = {"items": items, "next": None}
    return json.dumps(page, ensure_ascii=False, separators=(",", ":"))


def find_server(data_dir: Path, *, scope: str = "operate") -> Server:
    """The server of PARCOURS_API_URL, else the development stack of `data_dir`.

    `scope` is that of the key that the command needs.
    """
    url = os.environ.get("PARCOURS_API_URL", "").rstrip("/")
    if url:
        key = os.environ.get("PARCOURS_API_KEY", "")
        if not key:
            refuse(
                f"PARCOURS_API_URL is set, so PARCOURS_API_KEY must be: a key of scope {scope}",
                ExitCode.USAGE,
            )
        if not (key.isascii() and key.isprintable()):
            refuse(
                "PARCOURS_API_KEY is not a key: it has characters that no key has", ExitCode.USAGE
            )
        return Server(url, key, local=False)
    file = data_dir / "stack.json"
    try:
        stack = json.loads(file.read_text())
        return Server(stack["api"], stack["keys"][scope], local=True)
    except FileNotFoundError:
        refuse(
            f"no server runs here: there is no {file}. Start one by `parcours dev`, or set"
            " PARCOURS_API_URL and PARCOURS_API_KEY",
            ExitCode.UNREACHABLE,
        )
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        refuse(f"{file} does not describe a stack: start `parcours dev` again")


def segment(text: str) -> str:
    """The text, quoted as one segment of a path."""
    return quote(text, safe="")


def _error_message(url: str, response: httpx.Response) -> str:
    try:
        message = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"{url} answered {response.status_code}, and not as Parcours does"
    if response.status_code in (401, 403):
        return f"{url} refused the key: {message}"
    return message

"""What tests of commands have in common: documents, a caller of the API, the command itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from typer.testing import CliRunner, Result

from cli.main import app

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Parcours = Callable[..., Result]

HELLO = """\
journey: hello
name: Say hello
entry: {api: true}
defaults: {topic: news}
steps:
  - {id: long, wait: {event: Answered, up_to: 30d}}
  - {id: mail, email: {subject: Hello, text: "Hello {{ unsubscribe_url }}"}}
"""
NEWS = "topic: news\nname: News\ndefault: opt_in\n"


class Api:
    """A server's address and a key of it, and a caller besides the command."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def get(self, path: str) -> httpx.Response:
        return httpx.get(
            f"{self.url}{path}", headers={"Authorization": f"Bearer {self.key}"}, trust_env=False
        )

    def put(self, path: str, body: Any) -> None:
        httpx.put(
            f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {self.key}"},
            trust_env=False,
        ).raise_for_status()  # fmt: skip


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "240", **environment})


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path

"""An operator at a command line and with a key, before an engine and an API at work."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.client import Client
from typer.testing import CliRunner

from cli.main import app
from devstack.inbox import Inbox
from devstack.ports import free_port
from devstack.smtp_sink import start_sink
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import engine_at_work
from tests.support.smtp import SmtpSink


@dataclass
class Operator:
    """Somebody with the page, a command line and a key."""

    http: httpx.AsyncClient
    environment: dict[str, str]
    """The variables of the commands that read the settings of a worker."""
    names: dict[str, str] = field(default_factory=dict)
    """What stands for the words in capitals of a page."""

    async def command(self, line: str) -> str:
        """What a command prints. One that meets a run at work is given again, as it says."""
        for name, value in sorted(self.names.items(), reverse=True):
            line = re.sub(rf"\b{name}\b", value, line)
        _, *arguments = shlex.split(line)
        done: Any = None

        async def given() -> bool:
            nonlocal done
            done = await asyncio.to_thread(
                CliRunner().invoke, app, arguments, env={"COLUMNS": "110"}
            )
            return bool(done.exit_code != 4)

        await eventually(given, 30, every=0.5)
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        return str(done.stdout)

    async def call(self, text: str) -> None:
        """Make a call of the page; it must succeed."""
        for name, value in sorted(self.names.items(), reverse=True):
            text = re.sub(rf"\b{name}\b", value, text)
        first, _, body = text.partition("\n")
        method, path = first.split()

        async def made() -> bool:
            answer = await self.http.request(
                method, path, json=json.loads(body) if body.strip() else None
            )
            assert answer.status_code < 400 or answer.status_code == 409, (text, answer.text)
            return answer.status_code < 400

        await eventually(made, 30, every=0.5, what=first)

    async def sign_up(self, contact: str, event: str = "Signed Up", **traits: Any) -> None:
        """Make a contact known, with an e-mail address, and let it do something."""
        known = {"email": f"{contact}@example.com", **traits}
        for path, more in (("/v1/identify", {"traits": known}), ("/v1/track", {"event": event})):
            answer = await self.http.post(path, json={"userId": contact, **more})
            assert answer.status_code == 200, answer.text

    async def items(self, path: str, **parameters: str) -> list[Any]:
        """The items of a list of the API."""
        answer = await self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["items"]
        return found


@asynccontextmanager
async def operating_with_inbox(
    settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    client: Client,
    folder: Path,
) -> AsyncIterator[Operator]:
    """An engine and an API at work. Mail is read at `/dev/inbox`, and its links lead to the API."""
    inbox = folder / "inbox.jsonl"
    sink = await start_sink(Inbox(inbox), 0)
    live = settings.model_copy(update={"dev_inbox": inbox})
    address = f"smtp://127.0.0.1:{sink.sockets[0].getsockname()[1]}"
    async with (
        sink,
        operating(live, pool, client, address, folder, port=free_port()) as operator,
    ):
        yield operator


@asynccontextmanager
async def operating(
    settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    client: Client,
    smtp: SmtpSink | str,
    folder: Path,
    *,
    port: int = 0,
) -> AsyncIterator[Operator]:
    """An engine and an API at work; `folder` is where commands find them.

    `smtp` is where mail goes. With a `port`, the pages that mails lead to are served on it;
    without one, they have an address that leads nowhere.
    """
    live = settings.model_copy(
        update={
            "smtp_url": smtp if isinstance(smtp, str) else smtp.url,
            "webhook_secret": SecretStr("of webhooks"),
            "webhook_allow": (ip_network("127.0.0.0/8"),),
            "public_url": f"http://127.0.0.1:{port}" if port else "https://journeys.example",
            "link_keys": (SecretStr("0123456789abcdef0123456789abcdef"),),
            "temporal_ui": "https://temporal.example",
            "spool": folder / "spool",
        }
    )
    async with pool.connection() as conn:
        key = await create_key(conn, "admin", name="operator")
    with capture_logs(), serving(live, port=port) as url:
        stack = {"api": url, "keys": dict.fromkeys(("ingest", "operate", "admin"), key)}
        (folder / ".parcours").mkdir()
        (folder / ".parcours" / "stack.json").write_text(json.dumps(stack))
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            engine_at_work(live, pool, client, reconcile_every=1.0),
            httpx.AsyncClient(
                base_url=url,
                headers=headers,
                trust_env=False,
                timeout=30,
                # The server closes a connection on which nothing comes for some seconds.
                limits=httpx.Limits(max_keepalive_connections=0),
            ) as http,
        ):
            yield Operator(http, {"DATABASE_URL": live.database_url, **live.temporal})

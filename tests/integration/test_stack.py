"""`parcours dev`: it starts, heals, refuses in one line, and leaves nothing behind."""

import asyncio
import os
import signal
import smtplib
import socket
import stat
from email.message import EmailMessage
from pathlib import Path

import httpx
import psycopg
import pytest
from temporalio.client import Client

from devstack.inbox import Inbox
from infra.clients import SEARCH_ATTRIBUTES
from tests.support.conditions import eventually
from tests.support.forked import forked_output
from tests.support.stack import dev_stack


async def api_answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def send_mail(url: str, to: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", to, "Hello"
    mail.set_content("Good day")
    host, port = url.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port)) as server:
        server.send_message(mail)


@pytest.mark.long
async def test_a_stack_serves_stops_heals_and_starts_again_with_its_data(tmp_path: Path) -> None:
    """Three starts on the same data: the first is stopped, the second killed, the third stopped."""
    data_dir = tmp_path / "data"
    async with dev_stack(data_dir) as stack:
        first = await stack.ready()
        assert set(first) == {"api", "temporal_ui", "temporal", "database_url", "smtp", "keys"}
        assert set(first["keys"]) == {"ingest", "operate", "admin"}
        assert stat.S_IMODE(stack.file.stat().st_mode) == 0o600
        assert await api_answers(first["api"])
        async with httpx.AsyncClient() as client:
            ui = await client.get(first["temporal_ui"], follow_redirects=True)
        assert ui.status_code == httpx.codes.OK
        temporal = await Client.connect(first["temporal"])
        for name in SEARCH_ATTRIBUTES:
            assert (await temporal.count_workflows(f'{name} = "none"')).count == 0
        await asyncio.to_thread(send_mail, first["smtp"], "ada@example.com")
        with psycopg.connect(first["database_url"], autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        kept = [path for path in data_dir.rglob("*") if path.is_file()]
        link_key = (data_dir / "link.key").read_text()
        assert stat.S_IMODE((data_dir / "link.key").stat().st_mode) == 0o600
        plain = first["keys"]["admin"].encode()
        assert {path.name for path in kept if plain in path.read_bytes()} == {
            "keys.json",
            "stack.json",
        }
        assert await stack.stop(signal.SIGINT) == 0
        assert not stack.file.exists()
        await stack.nothing_left()

    async with dev_stack(data_dir) as stack:
        second = await stack.ready()
        assert second["keys"] == first["keys"]
        assert (data_dir / "link.key").read_text() == link_key
        with psycopg.connect(second["database_url"]) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        (taken,) = Inbox(data_dir / "inbox.jsonl").read("ada@example.com")
        assert (taken["subject"], taken["from"]) == ("Hello", "shop@example.com")
        # A part that is killed is started again.
        for word, name in (
            ("worker", "worker"),
            ("api", "API"),
            ("temporal", "Temporal"),
            ("postgres", "PostgreSQL"),
        ):
            await stack.killed_part_is_back(word)
            said = f"{name} died (killed by SIGKILL): starting it again"
            assert [line for line in stack.output if name in line and "died" in line] == [said]
            await eventually(lambda: api_answers(second["api"]), 60)
        # A stack that is killed leaves no process.
        await stack.stop(signal.SIGKILL)
        await stack.nothing_left()
    assert (data_dir / "lock").exists()

    async with dev_stack(data_dir) as stack:
        await eventually(lambda: not stack.file.exists(), 30, what="the old stack.json removed")
        third = await stack.ready()
        assert third["keys"] == first["keys"]
        # While one runs, another on the same data is refused.
        async with dev_stack(data_dir) as other:
            assert await other.process.wait() == 1
        await eventually(lambda: other.output)
        (line,) = other.output
        assert line.startswith(f"parcours: another stack (pid {stack.process.pid}) runs on")
        assert line.endswith("stop it, or choose another directory with --data-dir")
        assert stack.file.exists()
        assert await stack.stop() == 0
        await stack.nothing_left()


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("--api-port", "API"),
        ("--temporal-port", "Temporal"),
        ("--ui-port", "Temporal UI"),
        ("--smtp-port", "SMTP sink"),
    ],
)
async def test_a_port_in_use_is_named_in_one_line(tmp_path: Path, option: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = [
            f"{name}={port if name == option else 0}"
            for name in ("--api-port", "--temporal-port", "--ui-port", "--smtp-port")
        ]
        code, out, err = await forked_output(
            ["dev", f"--data-dir={tmp_path / 'data'}", *options], os.environ
        )
    line = f"parcours: port {port} ({what}) is in use: free it, or choose another with {option}\n"
    assert (code, out, err) == (1, "", line)
    assert not (tmp_path / "data" / "stack.json").exists()


async def test_a_stop_while_starting_leaves_nothing(tmp_path: Path) -> None:
    async with dev_stack(tmp_path / "data") as stack:

        def a_server_runs() -> bool:
            stack.look_around()
            return len(stack.seen) > 0

        await eventually(a_server_runs, 30)
        assert await stack.stop(signal.SIGINT) == 0
        await stack.nothing_left()
        assert not stack.file.exists()


async def test_an_api_that_cannot_start_stops_the_stack_with_its_reason(tmp_path: Path) -> None:
    async with dev_stack(
        tmp_path / "data", environment={"PARCOURS_CONTACT_EVENTS_PER_MINUTE": "many"}
    ) as stack:
        assert await stack.process.wait() == 1
        await stack.nothing_left()
    assert "PARCOURS_CONTACT_EVENTS_PER_MINUTE" in stack.text
    assert not stack.file.exists()

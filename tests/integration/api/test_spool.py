"""The spool of hits: bounded, shared, and whole after its process or PostgreSQL has died."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from api.public.spool import DROPPED, Spool, remove, taken
from devstack.ports import free_port
from infra.settings import Settings
from journeys.links.message_urls import MessageLinks
from journeys.links.tokens import LinkKeys
from tests.support.conditions import eventually
from tests.support.forked import Forked, forked
from tests.support.outages import Outage, own_postgres

KEY = "k" * 32
CHROME = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36"}
MEGABYTE = 1024 * 1024


def dropped(reason: str) -> float:
    return float(DROPPED.labels(reason)._value.get())


def drained(directory: Path) -> list[bytes]:
    """The lines of all segments that can be taken, which are removed."""
    lines = []
    for path in sorted(directory.glob("*.hits")):
        with taken(path) as content:
            if content is not None:
                lines += content.splitlines()
                remove(path)
    return lines


def test_a_segment_is_taken_once_it_is_complete(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEGABYTE)
    assert spool.append(b"one\n")
    assert drained(tmp_path) == []
    spool.seal()
    assert spool.append(b"two\n")
    assert drained(tmp_path) == [b"one"]
    (segment,) = spool.segments()
    spool.close()
    with taken(segment) as content, taken(segment) as second:
        assert content == b"two\n"
        assert second is None
    assert drained(tmp_path) == [b"two"]
    assert not spool.append(b"three\n")
    assert list(tmp_path.iterdir()) == []


def test_the_spool_is_for_its_owner_alone(tmp_path: Path) -> None:
    Spool(tmp_path / "spool", MEGABYTE).append(b"one\n")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "spool").iterdir()} == {0o600}


def test_the_spool_is_bounded_and_counts_what_it_drops(tmp_path: Path) -> None:
    """The bound is one of the directory, which several processes share."""
    first, line = Spool(tmp_path, MEGABYTE), b"x" * 99_999 + b"\n"
    before = dropped("spool_full")
    assert [first.append(line) for _ in range(11)].count(True) == 10
    second = Spool(tmp_path, MEGABYTE)
    assert not second.append(line)
    assert dropped("spool_full") == before + 2
    first.seal()
    assert len(drained(tmp_path)) == 10
    second.measure()
    assert second.append(line)


def test_a_line_that_does_not_fit_on_the_disk_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, MEGABYTE)
    spool.append(b"one\n")
    write, before = os.write, dropped("disk")
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:3]))
    assert not spool.append(b"three\n")
    monkeypatch.undo()
    assert spool.append(b"two\n")
    spool.close()
    assert drained(tmp_path) == [b"one", b"two"]
    assert dropped("disk") == before + 1


def test_a_killed_process_loses_nothing_that_it_appended(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from api.public.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), 10**6); spool.append(b'kept\\n')\n"
        "print('appended', flush=True); signal.pause()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == "appended\n"
        assert drained(tmp_path) == []
        child.kill()
        child.wait()
    assert drained(tmp_path) == [b"kept"]


# ------------------------------------------------------------------ through the whole


@pytest.fixture
async def outage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outage]:
    async with own_postgres(tmp_path_factory.mktemp("postgres")) as outage:
        yield outage


async def start_api(settings: Settings, database: str, spool: Path, port: int) -> Forked:
    environment = {
        **os.environ,
        **settings.temporal,
        "DATABASE_URL": database,
        "PARCOURS_PUBLIC_URL": "https://links.example",
        "PARCOURS_LINK_KEYS": KEY,
        "PARCOURS_SPOOL": str(spool),
    }
    return await forked(["api", "--port", str(port)], environment)


async def answers(port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/healthz")
    except httpx.TransportError:
        return False
    return answer.is_success


def add_message(database: str) -> UUID:
    contact, message = uuid4(), uuid4()
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("insert into contact (id) values (%s)", [contact])
        conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " claimed_at, settled_at) values (%s, %s, 1, 'hello', %s, 'email', 'sent', 't',"
            " now() - interval '1 hour', now() - interval '1 hour')",
            [message, uuid4(), contact],
        )
    return message


@pytest.mark.long
async def test_clicks_of_an_outage_are_recorded_once_although_the_process_was_killed(
    outage: Outage, settings: Settings, tmp_path: Path
) -> None:
    database, spool, port = outage.server.url(), tmp_path / "spool", free_port()
    message = add_message(database)
    urls = MessageLinks("", LinkKeys([KEY])).of(message)

    def clicks() -> list[tuple[str, str]]:
        with psycopg.connect(database) as conn:
            return conn.execute(
                "select properties->>'url', properties->>'by' from event"
                " where name = 'Message Clicked' order by 1"
            ).fetchall()

    async def click(url: str) -> None:
        async with httpx.AsyncClient(headers=CHROME, timeout=10) as client:
            answer = await client.get(f"http://127.0.0.1:{port}{urls.click(0, url)}")
        assert (answer.status_code, answer.headers["location"]) == (302, url)

    api = await start_api(settings, database, spool, port)
    try:
        await eventually(lambda: answers(port), 90, what="the API")
        await outage.begin()
        await click("https://shop.example/1")
        api.kill()
        await api.wait()
        # The process dies after it has answered, and before PostgreSQL is back.
        shutil.copytree(spool, tmp_path / "copy")
        await outage.end()
        api = await start_api(settings, database, spool, port)
        await eventually(lambda: answers(port), 90, what="the API")
        await eventually(lambda: len(clicks()) == 1, 90, what="the click")
        # A drain that is killed before it removes its segment finds it again.
        for segment in (tmp_path / "copy").iterdir():
            shutil.move(segment, spool)
        await click("https://shop.example/2")
        await eventually(lambda: len(clicks()) == 2, 90, what="the second click")
        left = sum(path.stat().st_size for path in spool.iterdir())
        assert left == 0
        assert clicks() == [
            ("https://shop.example/1", "human"),
            ("https://shop.example/2", "human"),
        ]
    finally:
        if api.returncode is None:
            api.send_signal(signal.SIGTERM)
            await api.wait()

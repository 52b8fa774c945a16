"""`parcours log`, and what it follows: lines in words, and a stream that goes on when it is cut."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli import log as command
from cli.client import Server
from cli.main import app
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.conditions import eventually

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
async def key(pool: Pool) -> str:
    """A key of scope `operate`."""
    async with pool.connection() as conn:
        return await create_key(conn, "operate", "ops")


def parcours(url: str, key: str, *arguments: str) -> Result:
    environment = {"COLUMNS": "240", "PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}
    return CliRunner().invoke(app, list(arguments), env=environment)


@contextmanager
def calling(url: str, key: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        yield client


def track(url: str, key: str, contact: str, *events: str) -> None:
    with calling(url, key) as client:
        for event in events:
            answer = client.post("/v1/track", json={"userId": contact, "event": event})
            assert answer.is_success, answer.text


def test_it_lists_what_was_tracked_and_done_in_words(settings: Settings, key: str) -> None:
    with capture_logs(), serving(settings) as url:
        assert parcours(url, key, "log", "--type", "event").stdout == "nothing of this kind\n"
        track(url, key, "ada", "Seen", "Bought")
        track(url, key, "bob", "Seen")
        bad = {"userId": "ada", "event": "Topic Subscribed", "properties": {"topic": "none"}}
        with calling(url, key) as client:
            assert client.post("/v1/track", json=bad).status_code == 400
            saved = client.put("/v1/topics/news", json={"topic": "news", "default": "opt_in"})
            assert saved.is_success
        shown = parcours(url, key, "log", "--since", "1h")
        assert shown.exit_code == 0, shown.stderr
        lines = [" ".join(line.split()[2:]) for line in shown.stdout.splitlines()]
        assert lines[0].startswith("action ops saved topic news")
        assert lines[1].startswith("rejected ada: Topic Subscribed was rejected: properties.topic")
        assert [line for line in lines[2:] if line.startswith(("event", "change"))] == [
            "event bob: Seen", "change bob: became known", "event ada: Bought", "event ada: Seen",
            "change ada: became known",
        ]  # fmt: skip
        of_ada = parcours(
            url, key, "log", "--contact", "ada", "--type", "event", "--type", "change", "--json"
        )
        items = json.loads(of_ada.stdout)["items"]
        assert [each["summary"] for each in items] == ["Bought", "Seen", "became known"]
        first = parcours(url, key, "log", "--type", "event", "--limit", "2").stdout
        cursor = first.splitlines()[-1].partition("--cursor ")[2]
        rest = parcours(url, key, "log", "--type", "event", "--cursor", cursor)
        assert [line.split()[-1] for line in rest.stdout.splitlines()] == ["Seen"]
        by_key = parcours(url, key, "log", "--key", "ops", "--json").stdout
        assert {each["type"] for each in json.loads(by_key)["items"]} == {"action", "rejected"}
        for wrong, code in ((("--type", "even"), 1), (("--contact", "eve"), 3),
                            (("--follow", "--until", "1h"), 2)):  # fmt: skip
            assert parcours(url, key, "log", *wrong).exit_code == code, wrong


async def test_what_follows_goes_on_by_itself_when_the_server_is_started_again(
    settings: Settings, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PAUSES", (0.05, 0.2))
    seen: list[str] = []
    broken: list[BaseException] = []

    def follow(server: Server) -> None:
        try:
            for item in command._followed(server, {"type": "event", "from": None}):
                seen.append(command.line_of(item).split()[-1])
                if seen[-1] == "Last":
                    return
        except BaseException as error:
            broken.append(error)

    with capture_logs(), serving(settings) as url:
        port = urlsplit(url).port
        assert port is not None
        following = threading.Thread(target=follow, args=(Server(url, key, True),), daemon=True)
        following.start()

        async def begins() -> bool:
            # It follows from the moment at which its stream began.
            track(url, key, "ada", f"Begun{len(begun)}")
            begun.append(len(begun))
            return bool(seen)

        begun: list[int] = []
        await eventually(begins, 20, every=0.3)
        track(url, key, "ada", "One", "Two")
        await eventually(lambda: "Two" in seen, 20)
    with capture_logs(), serving(settings, port=port) as url:
        track(url, key, "ada", "Three", "Last")
        await eventually(lambda: not following.is_alive(), 20)
    assert broken == []
    named = [each for each in seen if not each.startswith("Begun")]
    assert named == ["One", "Two", "Three", "Last"]
    assert len(set(seen)) == len(seen)
    with capture_logs(), serving(settings) as url:
        assert parcours(url, "pk_none", "log", "--follow").exit_code == 4
    # It waits only for a server that it has reached before.
    assert parcours(url, key, "log", "--follow").exit_code == 5

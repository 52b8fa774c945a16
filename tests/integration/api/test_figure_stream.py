"""Live figures: one query for all who follow a journey, and streams that end with their key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest

from api.reports import figure_hub
from api.reports.figure_hub import FigureHub, TooManyStreams
from tests.integration.api.conftest import Keys, Pool, Rows
from tests.support.conditions import eventually

JOURNEY = "journey: hello\nentry: {api: true}\nsteps:\n  - {id: rest, wait: 30d}\n"
YAML = {"Content-Type": "application/yaml"}
STREAM = "/v1/stats/stream?journey=hello"


@asynccontextmanager
async def _following(
    client: httpx.AsyncClient, **headers: str
) -> AsyncIterator[AsyncIterator[Any]]:
    """The events of a stream: the data of figures, or `end` with the data of that."""
    async with client.stream("GET", STREAM, headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"

        async def events() -> AsyncIterator[Any]:
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    yield {"end": data} if name == "end" else data
                    name = ""

        yield events()


async def test_figures_come_at_once_and_when_they_change(
    admin: httpx.AsyncClient, keys: Keys, rows: Rows
) -> None:
    missing = await admin.get(STREAM)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_journey")
    assert (await admin.put("/v1/journeys/hello", content=JOURNEY, headers=YAML)).is_success
    assert (await admin.post("/v1/journeys/hello/activate", json={"version": 1})).is_success
    assert (await admin.put("/v1/contacts/ada", json={"email": "a@example.com"})).is_success
    key = (await admin.post("/v1/keys", json={"scope": "read", "name": "kim"})).json()
    async with _following(admin, Authorization=f"Bearer {key['key']}") as events:
        first = await anext(events)
        assert first == (await admin.get("/v1/journeys/hello/stats")).json()
        assert first["entered"] == 0
        assert (await admin.post("/v1/journeys/hello/runs", json={"contact": "ada"})).is_success
        second = await anext(events)
        assert (second["entered"], second["active"]) == (1, 1)
        # Its key is revoked: what comes next is the end.
        assert (await admin.delete(f"/v1/keys/{key['id']}")).status_code == 204
        await rows("update run set state = 'ended', outcome = 'completed', ended_at = now()"
                   " returning 1")  # fmt: skip
        last = await anext(events)
        assert last["end"]["code"] == "unauthorized"
        assert [each async for each in events] == []
    ingest = await admin.get(STREAM, headers={"Authorization": f"Bearer {keys.ingest}"})
    assert ingest.status_code == 403


async def test_all_who_follow_a_journey_share_one_query(pool: Pool) -> None:
    asked: list[str] = []

    async def read(conn: psycopg.AsyncConnection[Any], journey: str) -> bytes | None:
        asked.append(journey)
        return b"%d" % (len(asked) // 3)

    hub = FigureHub(pool, read, every=0.02)

    async def follow(journey: str, wanted: int) -> list[bytes]:
        found: list[bytes] = []
        figures = hub.figures(journey, alive=30)
        async for each in figures:
            assert each is not None
            found.append(each)
            if len(found) == wanted:
                break
        await figures.aclose()
        return found

    followed = await asyncio.gather(*(follow("a", 4) for _ in range(20)))
    # Each figure once, in order, and all the same.
    assert {tuple(each) for each in followed} == {(b"0", b"1", b"2", b"3")}
    # Twenty streams asked no more than one would have.
    assert len(asked) <= 12

    async def stopped() -> bool:
        before = len(asked)
        await follow("b", 1)
        return asked[before:].count("a") == 0

    await eventually(stopped)
    await hub.stop()


async def test_streams_are_bounded_say_that_they_are_alive_and_end_with_the_process(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_hub, "MOST_STREAMS", 1)

    async def read(conn: psycopg.AsyncConnection[Any], journey: str) -> bytes | None:
        return b"{}"

    hub = FigureHub(pool, read, every=0.02)
    one = hub.figures("a", alive=0.2)
    # Under load the first look takes longer than a sign of life.
    while await anext(one) != b"{}":
        pass
    assert await anext(one) is None
    assert [hub.is_full] == [True]
    with pytest.raises(TooManyStreams):
        await anext(hub.figures("b", alive=1))
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await anext(one)
    assert [hub.is_full] == [False]
    await hub.stop()

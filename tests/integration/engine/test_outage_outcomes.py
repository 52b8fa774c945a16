"""Waits and exits on conditions: an outage delays them, and changes no outcome."""

import random
from datetime import UTC, datetime, timedelta
from os import environ
from typing import Any

import orjson
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from tests.support.clocked import Clocked, ScriptedEvent

Pool = AsyncConnectionPool[AsyncConnection[Any]]
START = datetime(2026, 3, 28, 14, tzinfo=UTC)
OUTAGE = timedelta(hours=12)
CASES = int(environ.get("CASES", "36"))
KINDS = ("within", "count", "sum", "due", "not", "all", "any", "never")


def condition(draw: random.Random, depth: int = 2) -> dict[str, Any]:
    """A condition whose verdict events and time change; instants fall on whole minutes."""
    kind = draw.choice(
        ["within", "count", "sum", "due", "not", "all", "any", "never"][: 4 + 4 * (depth > 0)]
    )
    window = draw.choice(["20m", "1h", "3h", "6h", "1d"])
    event = draw.choice(["A", "B"])
    if kind == "within":
        return {"event": event, "within": window}
    if kind == "count":
        count = draw.choice([{"gte": 2}, {"is": 1}, 0, {"lt": 2}])
        return {"event": event, "within": window, "count": count}
    if kind == "sum":
        return {"event": event, "sum": {"n": {"gte": draw.randint(2, 9)}}, "within": window}
    if kind == "due":
        word = draw.choice(["before", "after"])
        return {"attribute": "due", word: draw.choice(["now", "+1h", "-30m"])}
    if kind == "not":
        return {"not": condition(draw, depth - 1)}
    if kind == "never":
        return {"attribute": "country", "is": "FR"}
    return {kind: [condition(draw, depth - 1), condition(draw, depth - 1)]}


def case(draw: random.Random, key: str) -> tuple[str, list[ScriptedEvent], datetime]:
    """A journey, a script of events, and the contact's attribute `due`."""
    up_to = draw.choice(["90m", "5h", "11h", "2d"])
    waited: dict[str, Any] = {"if": condition(draw)}
    if draw.random() < 0.5:
        triggers = [{"name": "held", **waited}, {"name": "came", "event": "B"}]
        draw.shuffle(triggers)
        waited = {"any": triggers}
    exits: list[dict[str, Any]] = []
    if draw.random() < 0.5:
        exits.append({"if": condition(draw)})
    if draw.random() < 0.2:
        exits.append({"event": "C"})
    journey = {
        "journey": key,
        "timezone": "Europe/Paris",
        "entry": {"api": True},
        "exit": exits,
        "steps": [{"id": "w", "wait": {**waited, "up_to": up_to}}],
    }
    minutes = sorted(draw.randint(1, 700) for _ in range(draw.randint(0, 8)))
    script = [
        ScriptedEvent(
            START + timedelta(minutes=minute), draw.choice("AABBC"), {"n": draw.randint(1, 5)}
        )
        for minute in minutes
    ]
    return orjson.dumps(journey).decode(), script, START + timedelta(minutes=draw.randint(-90, 720))


@pytest.mark.parametrize("seed", range(3))
async def test_an_outage_changes_no_outcome(pool: Pool, temporal_client: Client, seed: int) -> None:
    clocked = Clocked(pool, temporal_client)
    await clocked.stop_clock(START)
    draw = random.Random(seed)
    seen: set[str] = set()
    for number in range(CASES // 3):
        key = f"case-{number}"
        text, script, due = case(draw, key)
        attributes = {"due": due.isoformat()}
        found = []
        for outage in (False, True):
            await clocked.to(START)
            run = await clocked.begin(None if outage else text, key, attributes=attributes)
            await run.plan(START)
            if not run.over:
                await (run.miss if outage else run.play)(script, START + OUTAGE)
            if not run.over:
                await run.work(START + OUTAGE, timer_first=draw.random() < 0.5)
            found.append(await run.outcome())
        assert found[0] == found[1], (text, script, due)
        seen.add(str(found[0]["outcome"]))
    assert {"timed_out", "exited"} & seen
    assert {"happened", "held"} & seen

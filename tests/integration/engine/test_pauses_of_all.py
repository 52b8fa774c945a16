"""All journeys are paused at once, and exactly those that were active are resumed."""

from typing import Any

import httpx

from tests.integration.engine.test_repairs import engine, http_server, operator
from tests.integration.engine.test_retried_sends import Pool
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

__all__ = ["engine", "http_server", "operator"]

TEXT = """
journey: KEY
entry: {event: KEY}
steps:
  - {id: mail, email: {subject: KEY, text: Hi, transactional: true}}
"""


async def call(operator: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """The answer to a POST, which succeeds."""
    answer = await operator.post(path, json={"reason": "why", **body})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def states(pool: Pool) -> dict[str, tuple[str, bool]]:
    """The state of each journey, and whether it is resumed with all."""
    async with pool.connection() as conn:
        cursor = await conn.execute("select key, state, paused_with_all from journey order by key")
        return {key: (state, with_all) for key, state, with_all in await cursor.fetchall()}


async def test_exactly_what_was_active_goes_on(engine: Engine, operator: httpx.AsyncClient) -> None:
    for key in ("a", "b", "c", "d", "e", "f"):
        await engine.activate(TEXT.replace("KEY", key))
    for path in ("b/pause", "c/archive"):
        assert (await operator.post(f"/v1/journeys/{path}")).is_success
    assert (await call(operator, "/v1/pause"))["journeys"] == ["a", "d", "e", "f"]
    assert (await call(operator, "/v1/pause"))["journeys"] == []
    # Meanwhile one is resumed by itself, one is paused by itself, and a new one comes.
    assert (await operator.post("/v1/journeys/d/resume", json={})).is_success
    assert (await operator.post("/v1/journeys/e/pause")).is_success
    await engine.activate(TEXT.replace("KEY", "g"))
    assert await states(engine.pool) == {
        "a": ("paused", True), "b": ("paused", False), "c": ("archived", False),
        "d": ("active", False), "e": ("paused", False), "f": ("paused", True),
        "g": ("active", False),
    }  # fmt: skip
    assert await call(operator, "/v1/resume") == {"journeys": ["a", "f"], "jobs": []}
    assert await states(engine.pool) == {
        "a": ("active", False), "b": ("paused", False), "c": ("archived", False),
        "d": ("active", False), "e": ("paused", False), "f": ("active", False),
        "g": ("active", False),
    }  # fmt: skip
    assert (await call(operator, "/v1/resume"))["journeys"] == []


async def test_what_was_deferred_goes_out_under_the_policy_of_the_resumption(
    engine: Engine, operator: httpx.AsyncClient, smtp_sink: SmtpSink
) -> None:
    for key in ("one", "two"):
        waiting = "steps:\n  - {id: go, wait: {event: Go}}"
        await engine.activate(TEXT.replace("KEY", key).replace("steps:", waiting))
    contact = await engine.contact(email="ada@shop.test")
    for key in ("one", "two"):
        await engine.event(contact, key)
        await engine.standing_at(contact, "go")
    paused = await call(operator, "/v1/pause")
    assert paused["journeys"] == ["one", "two"]
    await engine.event(contact, "Go")

    async def deferred() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select count(*) from visit where held = 'paused'")
            return await cursor.fetchone() == (2,)

    await eventually(deferred, 30)
    assert smtp_sink.messages == []
    resumed = await call(operator, "/v1/resume", overdue="send")
    assert len(resumed["jobs"]) == 2
    mails = await smtp_sink.wait_for(2, 30)
    assert {mail.message["subject"] for mail in mails} == {"one", "two"}

"""A paused journey defers its sends until it is resumed, even if no signal reaches the run."""

from typing import Any

from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

JOURNEY = """
journey: letters
entry: {event: Letter Asked}
exit: [{event: Never Mind}]
defaults: {transactional: true}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: letter, email: {subject: A letter, text: Dear you}}
"""


async def _state(engine: Engine, state: str) -> None:
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = %s", (state,))
        await conn.execute("update catalog set revision = revision + 1")


async def _held(engine: Engine, run: dict[str, Any]) -> bool:
    visits = await engine.visits(run["id"])
    return bool(visits[-1]["held"] == "paused")


async def test_a_pause_defers_the_send_and_the_reconciliation_wakes_it_afterwards(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(JOURNEY)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Letter Asked")
    run = await engine.standing_at(contact, "quiet")
    await _state(engine, "paused")
    await engine.event(contact, "Go")
    await eventually(lambda: _held(engine, run), timeout=20)
    assert smtp_sink.messages == []
    await _state(engine, "active")
    assert (await engine.ended(contact))["outcome"] == "completed"
    assert len(smtp_sink.messages) == 1


async def test_an_exit_ends_a_run_whose_send_a_pause_holds(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(JOURNEY)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Letter Asked")
    run = await engine.standing_at(contact, "quiet")
    await _state(engine, "paused")
    await engine.event(contact, "Go")
    await eventually(lambda: _held(engine, run), timeout=20)
    await engine.event(contact, "Never Mind")
    ended = await engine.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("exited", "Never Mind")
    assert smtp_sink.messages == []


async def test_a_paused_journey_refuses_entries_and_says_so(engine: Engine) -> None:
    await engine.activate(JOURNEY)
    await _state(engine, "paused")
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Letter Asked")

    async def refused() -> object:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select code from refusal where contact_id = %s", (contact,)
            )
            return await cursor.fetchone()

    assert await eventually(refused) == ("paused",)

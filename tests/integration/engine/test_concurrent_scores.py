"""Scores: what many runs of a contact add at once is all there in the end."""

import asyncio
from uuid import UUID, uuid4

from tests.support.conditions import eventually
from tests.support.engine import Engine, accept

OPENS = 100
SCORING = """
journey: scoring
entry: {event: Message Opened, key: message_id}
steps:
  - {id: points, update: {add: {score: 5}}}
"""


async def make_messages(engine: Engine, contact: UUID) -> list[str]:
    """Messages that were sent to a contact by a run that has ended."""
    run = uuid4()
    messages = [uuid4() for _ in range(OPENS)]
    async with engine.pool.connection() as conn, conn.transaction():
        await conn.execute("insert into journey (key, state) values ('letters', 'draft')")
        await conn.execute(
            "insert into run (id, journey, version, contact_id, state, entry_ref, ref,"
            " workflow_started_at) values (%s, 'letters', 1, %s, 'ended', 0, 0, now())",
            (run, contact),
        )
        for number, message in enumerate(messages, 1):
            await conn.execute(
                "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
                " values (%s, %s, %s, 'letter', %s, 'email', 'sent', 't')",
                (message, run, number, contact),
            )
    return [str(message) for message in messages]


async def test_a_hundred_concurrent_opens_of_five_points_give_five_hundred(engine: Engine) -> None:
    await engine.activate(SCORING)
    contact = await engine.contact(email="ada@example.com")
    messages = await make_messages(engine, contact)
    await asyncio.gather(
        *(accept(engine.pool, contact, "Message Opened", {"message_id": each}) for each in messages)
    )
    engine.dispatcher.nudge()

    async def ended() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select count(*) from run where journey = 'scoring' and state = 'ended'"
            )
            return await cursor.fetchone() == (OPENS,)

    await eventually(ended, 120, what="all opens to count")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select score from contact where id = %s", (contact,))
        assert await cursor.fetchone() == (5.0 * OPENS,)

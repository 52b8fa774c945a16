"""How the arms of a split have done, over rows written and counted by hand."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.protocol.message_status import MessageStatus
from store.reports.split_scores import tally

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DUE = datetime(2026, 3, 2, 13, tzinfo=UTC)
BEFORE = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 13, 0, 1, tzinfo=UTC)
ARMS = {"a": ["a1", "a2"], "b": ["b1"], "c": []}


class Runs:
    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self.conn = conn

    async def contact(self) -> UUID:
        contact = uuid4()
        await self.conn.execute("insert into contact (id) values (%s)", (contact,))
        return contact

    async def run(
        self,
        arm: str,
        *messages: tuple[str, str, datetime],
        contact: UUID | None = None,
        at: datetime = BEFORE,
        **columns: Any,
    ) -> None:
        """A run that took an arm; messages are `(step, status, when)`."""
        run = uuid4()
        who = contact or await self.contact()
        values = {"journey": "launch", "version": 2, "step": "subject", **columns}
        await self.conn.execute(
            "insert into run (id, journey, version, contact_id, key, entry_ref, ref)"
            " values (%s, %s, %s, %s, %s, 0, 0)",
            (run, values["journey"], values["version"], who, str(run)),
        )
        await self.conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, ended_at)"
            " values (%s, 1, %s, 'split', %s, %s)",
            (run, values["step"], arm, at),
        )
        for number, (step, status, when) in enumerate(messages, start=2):
            await self.conn.execute(
                "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
                f" {status}_at) values (%s, %s, %s, %s, %s, 'email', 'sent', '', %s)",
                (uuid4(), run, number, step, who, when),
            )

    async def scores(self, by: MessageStatus = "clicked") -> list[tuple[str, int, int]]:
        scores = await tally(
            self.conn, journey="launch", version=2, step="subject", arms=ARMS, by=by, until=DUE
        )
        return [(score.arm, score.contacts, score.won) for score in scores]


@pytest.fixture
async def runs(pool: Pool) -> Any:
    async with pool.connection() as conn:
        yield Runs(conn)


async def test_the_scores_are_zero_before_an_arm_is_taken(runs: Runs) -> None:
    assert await runs.scores() == [("a", 0, 0), ("b", 0, 0), ("c", 0, 0)]


async def test_contacts_with_the_status_are_counted_among_all_that_took_the_arm(runs: Runs) -> None:
    await runs.run("a", ("a1", "clicked", BEFORE))
    await runs.run("a", ("a2", "clicked", BEFORE), ("a1", "clicked", BEFORE))
    await runs.run("a", ("a1", "opened", BEFORE))
    await runs.run("b", ("b1", "clicked", DUE))
    await runs.run("b")
    assert await runs.scores() == [("a", 3, 2), ("b", 2, 1), ("c", 0, 0)]
    assert await runs.scores("opened") == [("a", 3, 1), ("b", 2, 0), ("c", 0, 0)]


async def test_a_contact_counts_once_in_an_arm(runs: Runs) -> None:
    contact = await runs.contact()
    await runs.run("a", contact=contact)
    await runs.run("a", ("a1", "clicked", BEFORE), contact=contact)
    await runs.run("a", ("a2", "clicked", BEFORE), contact=contact)
    assert await runs.scores() == [("a", 1, 1), ("b", 0, 0), ("c", 0, 0)]


async def test_what_comes_after_the_winner_is_due_does_not_count(runs: Runs) -> None:
    await runs.run("a", ("a1", "clicked", LATER))
    await runs.run("b", ("b1", "clicked", LATER), at=LATER)
    assert await runs.scores() == [("a", 1, 0), ("b", 0, 0), ("c", 0, 0)]


async def test_other_journeys_versions_steps_and_messages_do_not_count(runs: Runs) -> None:
    won = ("a1", "clicked", BEFORE)
    await runs.run("a", won, journey="another")
    await runs.run("a", won, version=1)
    await runs.run("a", won, step="another")
    await runs.run("rest", won)
    await runs.run("a", ("after", "clicked", BEFORE))
    assert await runs.scores() == [("a", 1, 0), ("b", 0, 0), ("c", 0, 0)]

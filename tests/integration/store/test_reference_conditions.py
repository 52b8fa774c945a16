"""Conditions of every form against a straightforward evaluator in Python.

200 random cases here; `REFERENCE_CASES=2000` before pytest for all. A case is a contact, a
condition with segments inside segments, and instants before, on and after those at which time
changes it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.conditions import compile_condition
from tests.support.random_contacts import MOMENT, PLACES, SEGMENTS, TOPICS, Maker, turns
from tests.support.reference_conditions import World, holds
from tests.support.situations import CONDITION, Situation
from tests.support.stored_contacts import store_contacts, store_documents

Pool = AsyncConnectionPool[AsyncConnection[Any]]

CASES = int(os.environ.get("REFERENCE_CASES", "200"))
FIRST = int(os.environ.get("REFERENCE_FROM", "0"))
TOGETHER = 50
"""How many cases one statement asks."""


class Case:
    """A contact, a condition, and the instants at which it is asked."""

    def __init__(self, seed: int) -> None:
        made = Maker(seed)
        self.seed = seed
        self.id, self.run = uuid4(), uuid4()
        self.world = made.world()
        self.contact = made.contact()
        for _ in range(30):
            self.condition = made.condition(2, SEGMENTS)
            self.turns = turns(self.condition, self.contact, self.world)
            if seed % 3 == 0 or len({self.right(turn) for turn in self.turns}) == 2:
                break
        near = made.any.sample(self.turns, min(4, len(self.turns)))
        self.asked = {*near, *(each - MOMENT for each in near), made.special()}

    def right(self, at: datetime) -> bool:
        """The verdict of the evaluator."""
        return holds(self.condition, self.contact, self.world, at)

    def next_change(self, at: datetime) -> datetime | None:
        """The first instant after it at which time alone changes the verdict."""
        known = self.contact.as_of(at)
        now = holds(self.condition, known, self.world, at)
        later = (turn for turn in self.turns if turn > at)
        return next(
            (turn for turn in later if holds(self.condition, known, self.world, turn) is not now),
            None,
        )


async def ask(
    conn: AsyncConnection[Any], cases: list[Case]
) -> dict[tuple[UUID, datetime], tuple[bool, datetime | None]]:
    """The engine's verdict and next instant of each case, at each of its instants."""
    queries: list[str] = []
    params: dict[str, Any] = {}
    for place, case in enumerate(cases):
        predicate = compile_condition(
            CONDITION.validate_python(case.condition),
            prefix=f"c{place}_",
            default_zone=case.world.zone,
            segments={
                key: CONDITION.validate_python(each) for key, each in case.world.segments.items()
            },
        )
        params |= predicate.params
        params |= {f"run{place}": case.run, f"asked{place}": sorted(case.asked)}
        then = f"nullif({predicate.next_change}, 'infinity')" if predicate.next_change else "null"
        queries.append(
            f"select {place}, j.at, {predicate.sql}, {then}::timestamptz"
            f" from unnest(%(asked{place})s::timestamptz[]) j(at), run r"
            f" join contact c on c.id = r.contact_id where r.id = %(run{place})s"
        )
    # The instants of many cases in one statement.
    text = " union all ".join(queries).replace("%(judged_at)s", "j.at")
    cursor = await conn.execute(text.encode(), params)
    return {
        (cases[place].id, at.astimezone(UTC)): (verdict, then)
        for place, at, verdict, then in await cursor.fetchall()
    }


async def test_conditions_of_every_form_agree_with_the_evaluator(pool: Pool) -> None:
    wrong: list[Any] = []
    asked = true = changing = idle = 0
    async with pool.connection() as conn:
        await store_documents(conn, World(topics=TOPICS, places=PLACES))
        for begin in range(FIRST, FIRST + CASES, TOGETHER):
            cases = [Case(seed) for seed in range(begin, min(begin + TOGETHER, FIRST + CASES))]
            await store_contacts(conn, {case.id: case.contact for case in cases})
            async with conn.cursor() as cursor:
                await cursor.executemany(
                    "insert into run (id, journey, version, contact_id, entry_ref, ref)"
                    " values (%s, 'j', 1, %s, 0, 0)",
                    [(case.run, case.id) for case in cases],
                )
            answers = await ask(conn, cases)
            for case in cases:
                for at in case.asked:
                    verdict, then = answers[case.id, at]
                    right, change = case.right(at), case.next_change(at)
                    asked += 1
                    true += right
                    changing += change is not None
                    idle += then is not None and then != change
                    missed = change is not None and (then is None or then > change)
                    past = then is not None and then <= at
                    if verdict is not right or missed or past:
                        wrong.append((case.seed, str(at), verdict, right, then, change))
    summary = f"{asked} instants, {true} true, {changing} before a change, {idle} woken in vain"
    assert wrong == [], summary
    assert asked / 4 < true < asked * 3 / 4, summary
    assert changing > asked / 8, summary


async def test_a_period_is_bounded_by_the_first_value_that_a_path_reaches(pool: Pool) -> None:
    situation = Situation(pool)
    pets = [{"due": None}, {"due": "2026-02-01"}, {"due": "2026-01-01"}]
    await situation.write_contact(attributes={"pets": pets})
    await situation.write_run()
    await situation.write_event("Fed", at=datetime(2026, 1, 15, tzinfo=UTC))
    fed: dict[str, Any] = {"event": "Fed"}
    table = [
        ({**fed, "before": {"attribute": "pets.due"}}, True),
        ({**fed, "since": {"attribute": "pets.due"}}, False),
        ({**fed, "since": {"attribute": "pets.2.due"}}, True),
    ]
    assert await situation.disagreements(table) == []

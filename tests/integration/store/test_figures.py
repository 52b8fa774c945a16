"""Figures after random work: counters are what a recount by hand of every row gives."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.counters.contributions import append_many, contributions, rows_of
from store.counters.facts import SOURCES
from store.counters.folding import fold_all, unfolded
from store.counters.reading import read_days
from store.counters.recount import differences
from store.reports.journey_statistics import journey_statistics
from store.simulation.simulated_database import stop_clock
from store.sql import execute
from store.tables.figures import Cohort
from tests.support.counted_rows import Figures, contacts_in_journeys, targeted_contacts
from tests.support.expected_figures import expected_of, found_in
from tests.support.random_work import JOURNEY, Work

Pool = AsyncConnectionPool[AsyncConnection[Any]]

OPERATIONS: Final = int(os.environ.get("FIGURE_OPERATIONS", "1000"))
# At midnight of 8 March 2026 clocks went on to one o'clock: that day begins at one.
ZONE: Final = "America/Havana"
BEGINNING: Final = datetime(2026, 3, 6, 20, tzinfo=UTC)

DOCUMENT: Final = {
    "journey": JOURNEY,
    "entry": {"event": "Signed Up"},
    "steps": [
        {"id": "mail", "email": {"subject": "x", "text": "x", "transactional": True}},
        {"id": "text", "sms": {"text": "x", "transactional": True}},
        {"id": "hook", "webhook": {"url": "https://crm.example/x"}},
        {"id": "pause", "wait": "2d"},
        {"id": "break", "wait": "2d"},
        {
            "id": "fork",
            "split": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}],
        },
        {"id": "choice", "branch": [{"name": "warm", "if": {"event": "X"}, "then": []}]},
    ],
}


@pytest.fixture
async def work(pool: Pool, request: pytest.FixtureRequest) -> Work:
    async with pool.connection() as conn:
        await stop_clock(conn, BEGINNING)
        await conn.execute(
            "insert into journey (key, state, active_version) values ('welcome', 'active', 2)"
        )
        for version in (1, 2):
            await conn.execute(
                "insert into journey_version (journey, version, document, program, source, sha256)"
                " values ('welcome', %s, %s, '{}', '', '')",
                (version, Jsonb(DOCUMENT)),
            )
    return Work(pool, request.param, BEGINNING, ZONE)


@pytest.mark.long
@pytest.mark.parametrize("work", [7], indirect=True)
async def test_figures_are_a_recount_of_all_rows_after_random_work(work: Work) -> None:
    await work.play(OPERATIONS)
    assert set(work.done) == {each.__name__ for _, each in work.operations()}
    for folded in (False, True):
        async with work.pool.connection() as conn:
            if folded:
                await fold_all(conn, ZONE)
                assert await unfolded(conn) == 0
            await work.rows.look(conn)
            assert await differences(conn, ZONE) == []
            counted = work.rows.count(ZONE)
            for version in (None, 1, 2):
                stats = await journey_statistics(conn, JOURNEY, version)
                assert stats is not None
                assert found_in(stats) == pytest.approx(expected_of(counted, version))
            await check_days(conn, counted)
            days = await read_days(conn, BEGINNING - timedelta(days=1), work.now, [], ZONE)
            assert {
                each.begins_at.astimezone(counted.zone).date(): each.count
                for each in days
                if each.fact == "targeted" and each.begins_at is not None
            } == targeted_contacts(work.rows, ZONE)
            [in_journeys] = [each for each in days if each.fact == "in_journeys"]
            assert in_journeys.count == contacts_in_journeys(work.rows)
    async with work.pool.connection() as conn:
        # As a migration counts the rows that it finds: what was removed before is not among them.
        await conn.execute("delete from figure where fact not in ('in_journeys', 'targeted')")
        for table in SOURCES:
            for query in append_many(contributions(table, rows_of(table))):
                await execute(conn, query)
        assert await differences(conn, ZONE) == []
        await fold_all(conn, ZONE)
        assert await differences(conn, ZONE) == []


async def check_days(conn: AsyncConnection[Any], counted: Figures) -> None:
    """Each day has what happened on it, or what came of those who entered on it."""
    counts: list[tuple[Cohort, Counter[tuple[Any, ...]]]] = [
        ("occurrence", counted.days),
        ("entered", counted.cohorts),
    ]
    for cohort, days in counts:
        stats = await journey_statistics(conn, JOURNEY, by="day", cohort=cohort, zone=ZONE)
        assert stats is not None
        assert stats.periods is not None
        found = {}
        for day in stats.periods:
            date = day.begins_at.astimezone(counted.zone).date()
            found[date, "entered"] = day.entered
            found[date, "goal"] = day.goal.met
            found[date, "ended"] = sum(day.ends.values())
            found[date, "outcome"] = sum(step.visits.left for step in day.steps)
            found[date, "reached"] = sum(step.visits.reached for step in day.steps)
            found[date, "opened"] = sum(step.visits.opened for step in day.steps)
        expected: dict[Any, int] = {}
        for (date, what, *_), count in days.items():
            expected[date, what] = expected.get((date, what), 0) + count
        wanted = {"entered", "goal", "ended", "outcome", "reached", "opened"}
        assert {key: count for key, count in found.items() if count} == {
            key: count for key, count in expected.items() if key[1] in wanted and count
        }
        assert len({date for date, _ in found}) >= min(OPERATIONS // 400, 3)

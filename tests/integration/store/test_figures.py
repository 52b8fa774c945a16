"""Figures after random work: counters are what a recount by hand of every row gives."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.counters.folding import fold_all, unfolded
from store.counters.reading import read_days
from store.counters.recount import differences
from store.reports.journey_statistics import JourneyStatistics, journey_statistics
from store.simulation.simulated_database import stop_clock
from tests.support.counted_rows import STATUSES, Figures, contacts_in_journeys, targeted_contacts
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


def found_in(stats: JourneyStatistics) -> dict[tuple[str, str, str], Any]:
    """What statistics say, by (what, step, label), without zeros."""
    found: dict[tuple[str, str, str], Any] = {
        ("entered", "", ""): stats.entered,
        ("active", "", ""): stats.active,
        ("goal", "", ""): stats.goal.met,
        ("value", "", ""): stats.goal.value,
    }
    found |= {("ended", "", outcome): count for outcome, count in stats.ends.items()}
    found |= {("refused", "", code): count for code, count in stats.refused.items()}
    for step in stats.steps:
        visits = step.visits
        for name in ("reached", "waiting", "deferred", "retrying", "left", "sent", "failed",
                     "unknown", *STATUSES):  # fmt: skip
            found[name, visits.step, ""] = getattr(visits, name)
        for name, labelled in (
            ("outcome", step.outcomes), ("skipped", step.skipped), ("held", step.deferred_by),
            ("failed", step.failed_by), ("arm", step.goals or {}),
            ("worth", step.goal_values or {}),
        ):  # fmt: skip
            found |= {(name, visits.step, label): count for label, count in labelled.items()}
        found["goal", visits.step, ""] = step.goal.met
        found["value", visits.step, ""] = step.goal.value
    return {key: value for key, value in found.items() if value}


def expected_of(counted: Figures, version: int | None) -> dict[tuple[str, str, str], Any]:
    """The same from rows that were counted by hand."""
    found: dict[tuple[str, str, str], Any] = {}

    def add(what: str, step: str, label: str, count: Any) -> None:
        found[what, step, label] = found.get((what, step, label), 0) + count

    for (what, of, step, label), count in counted.counts.items():
        if version is not None and of != version:
            continue
        value = float(counted.values.get((what, of, step, label), 0))
        match what:
            case "entered" | "active":
                add(what, "", "", count)
            case "ended" | "refused":
                add(what, "", label, count)
            case "goal":
                for where in {"", step}:
                    add("goal", where, "", count)
                    add("value", where, "", value)
            case "arm":
                add("arm", step, label, count)
                add("worth", step, label, value)
            case "outcome":
                add("outcome", step, label, count)
                add("left", step, "", count)
                if label in ("sent", "ok"):
                    add("sent", step, "", count)
                elif label in ("failed", "unknown"):
                    add(label, step, "", count)
            case "skipped":
                add(what, step, label, count)
            case "failed":
                add("failed", step, label or "", count)
            case "held":
                add("held", step, label, count)
                add("deferred", step, "", count)
            case "replaced" | "message_sent" | "message_refused" | "message_unknown":
                pass
            case _:
                add(what, step, "", count)
    return {key: value for key, value in found.items() if value}


def nearly(values: dict[tuple[str, str, str], Any]) -> Any:
    return pytest.approx(values)


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
                assert found_in(stats) == nearly(expected_of(counted, version))
            await check_days(conn, counted)
            days = await read_days(conn, BEGINNING - timedelta(days=1), work.now, [], ZONE)
            assert {
                each.begins_at.astimezone(counted.zone).date(): each.count
                for each in days
                if each.fact == "targeted" and each.begins_at is not None
            } == targeted_contacts(work.rows, ZONE)
            [in_journeys] = [each for each in days if each.fact == "in_journeys"]
            assert in_journeys.count == contacts_in_journeys(work.rows)


async def check_days(conn: AsyncConnection[Any], counted: Figures) -> None:
    """Each day has what happened on it, or what became of those who entered on it."""
    for cohort, days in (("occurrence", counted.days), ("entered", counted.cohorts)):
        stats = await journey_statistics(
            conn,
            JOURNEY,
            by="day",
            cohort=cohort,
            zone=ZONE,  # type: ignore[arg-type]
        )
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

"""Until when a goal can be met, over instants worked out by another library."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from whenever import Instant, ItemizedDelta

from journeys.model.journey import Journey
from store.goals.goal_rows import (
    GoalQuery,
    MetGoal,
    NewGoal,
    build_goal_query,
    evaluate_goals,
    goals_by_event,
    record_met_goals,
    set_goals,
)
from store.reports.goal_counts import RunGoal, read_goal

Pool = AsyncConnectionPool[AsyncConnection[Any]]

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
WITHIN = (
    ("7d", ItemizedDelta(days=7)),
    ("1mo", ItemizedDelta(months=1)),
    ("2w", ItemizedDelta(weeks=2)),
    ("36h", ItemizedDelta(hours=36)),
    ("1mo3d", ItemizedDelta(months=1, days=3)),
    ("1d6h", ItemizedDelta(days=1, hours=6)),
    ("1y", ItemizedDelta(years=1)),
)
MARGINS = (-86_400.0, -1.0, -0.000_001, 0.0, 0.000_001, 1.0, 86_400.0)
"""Seconds from the last instant that counts to the event."""


def look(**goal: Any) -> GoalQuery:
    found = build_goal_query(
        Journey.model_validate(
            {"journey": "j", "entry": {"event": "X"}, "goal": {"event": "Bought", **goal},
             "steps": [{"id": "w", "wait": "1d"}]}
        )
    )  # fmt: skip
    assert found is not None
    return found


@dataclass
class Passage:
    """A contact and a run of it."""

    contact: UUID
    run: UUID
    started_at: datetime
    entry: dict[str, Any]


async def begin(conn: AsyncConnection[Any], started_at: datetime = START, **entry: Any) -> Passage:
    made = Passage(uuid4(), uuid4(), started_at, entry)
    await conn.execute("insert into contact (id) values (%s)", (made.contact,))
    await conn.execute(
        "insert into run (id, journey, version, contact_id, entry, entry_ref, ref, started_at)"
        " values (%s, 'j', 1, %s, %s, 0, 0, %s)",
        (made.run, made.contact, Jsonb(entry), started_at),
    )
    return made


async def set_goal(
    conn: AsyncConnection[Any],
    passage: Passage,
    look: GoalQuery,
    zone: str = "UTC",
    ref: int = 0,
) -> None:
    goal = NewGoal(
        look, passage.run, "j", passage.contact, passage.entry, ref, passage.started_at,
        ZoneInfo(zone),
    )  # fmt: skip
    await set_goals(conn, [goal])


async def happen(
    conn: AsyncConnection[Any],
    passage: Passage,
    at: datetime | None = None,
    name: str = "Bought",
    **properties: Any,
) -> int:
    cursor = await conn.execute(
        "insert into event (contact_id, name, properties, message_id, stamped_at)"
        " values (%s, %s, %s, %s, coalesce(%s, parcours.clock())) returning id",
        (passage.contact, name, Jsonb(properties), str(uuid4()), at),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def met_by(conn: AsyncConnection[Any], look: GoalQuery, *events: int) -> set[int]:
    """Those of the events that meet a goal, each alone."""
    found = await goals_by_event(conn, list(events))
    certain = [each for each in found if not each.rest]
    asked = await evaluate_goals(conn, look, [each for each in found if each.rest])
    return {each.event_id for each in [*certain, *asked]}


async def test_a_goal_is_met_up_to_its_end_on_the_contacts_calendar(pool: Pool) -> None:
    rng = random.Random(20)
    wanted: dict[int, bool] = {}
    async with pool.connection() as conn, conn.transaction():
        for _ in range(60):
            within, length = rng.choice(WITHIN)
            zone = rng.choice(ZONES)
            start = datetime(2026, rng.choice((1, 3, 4, 10, 11)), rng.randint(1, 28),
                             rng.randint(4, 23), rng.choice((0, 30)), tzinfo=UTC)  # fmt: skip
            last = Instant(start.isoformat()).to_tz(zone).add(length).to_stdlib()
            compiled = look(within=within)
            for margin in MARGINS:
                passage = await begin(conn, start)
                await set_goal(conn, passage, compiled, zone)
                event = await happen(conn, passage, last + timedelta(seconds=margin))
                wanted[event] = margin <= 0
    async with pool.connection() as conn:
        assert await met_by(conn, look(), *wanted) == {e for e, met in wanted.items() if met}
    assert len(wanted) == 60 * len(MARGINS)


async def test_a_goal_without_an_end_is_met_however_late(pool: Pool) -> None:
    async with pool.connection() as conn:
        passage = await begin(conn, datetime(2000, 1, 1, tzinfo=UTC))
        await set_goal(conn, passage, look())
        event = await happen(conn, passage, datetime(9000, 1, 1, tzinfo=UTC))
        assert await met_by(conn, look(), event) == {event}


async def test_only_what_comes_after_the_entry_and_fits_counts(pool: Pool) -> None:
    compiled = look(where={"cart": {"entry": "cart"}, "total": {"gte": 10}, "kind": "web"})
    async with pool.connection() as conn:
        passage = await begin(conn, cart="c1")
        before = await happen(conn, passage, cart="c1", total=10, kind="web")
        await set_goal(conn, passage, compiled, ref=before)
        fits = [
            await happen(conn, passage, cart="c1", total=10, kind="web"),
            await happen(conn, passage, cart="c1", total=11.5, kind="web", more=[1]),
        ]
        others = [
            await happen(conn, passage, cart="c2", total=10, kind="web"),
            await happen(conn, passage, cart="c1", total=9.99, kind="web"),
            await happen(conn, passage, cart="c1", total="10", kind="web"),
            await happen(conn, passage, cart="c1", total=10, kind="shop"),
            await happen(conn, passage, cart="c1", total=10),
            await happen(conn, passage, name="Sold", cart="c1", total=10, kind="web"),
        ]
        stranger = await begin(conn)
        others.append(await happen(conn, stranger, cart="c1", total=10, kind="web"))
        assert await met_by(conn, compiled, before, *fits, *others) == set(fits)


async def test_an_object_of_the_entry_is_to_be_equal_and_not_contained(pool: Pool) -> None:
    compiled = look(where={"cart": {"entry": "cart"}})
    async with pool.connection() as conn:
        passage = await begin(conn, cart={"id": 1})
        await set_goal(conn, passage, compiled)
        same = await happen(conn, passage, cart={"id": 1})
        larger = await happen(conn, passage, cart={"id": 1, "more": 2})
        assert await met_by(conn, compiled, same, larger) == {same}


async def test_a_goal_that_asks_for_what_the_entry_lacks_is_no_goal(pool: Pool) -> None:
    compiled = look(where={"cart": {"entry": "cart"}})
    async with pool.connection() as conn:
        passage = await begin(conn)
        await set_goal(conn, passage, compiled)
        assert await met_by(conn, compiled, await happen(conn, passage, cart=None)) == set()
        assert await read_goal(conn, passage.run) is None


@pytest.mark.parametrize(
    ("path", "properties", "value"),
    [
        ("total", {"total": 19.99}, 19.99),
        ("total", {"total": -3}, -3),
        ("total", {"total": 12345678901234567890}, 12345678901234567890),
        ("order.total", {"order": {"total": 0.1}}, 0.1),
        ("items.1.price", {"items": [{"price": 1}, {"price": 2.5}]}, 2.5),
        ("items.price", {"items": [{"price": 1}, {"price": 2.5}]}, 1),
        ("total", {"total": "19.99"}, None),
        ("total", {"total": True}, None),
        ("total", {"total": [1]}, None),
        ("total", {}, None),
        (None, {"total": 1}, None),
    ],
)
async def test_the_value_is_the_number_at_its_path(
    pool: Pool, path: str | None, properties: dict[str, Any], value: float | None
) -> None:
    async with pool.connection() as conn:
        passage = await begin(conn)
        await set_goal(conn, passage, look())
        at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
        event = await happen(conn, passage, at, **properties)
        assert await read_goal(conn, passage.run) == RunGoal(met_at=None, value=None)
        await record_met_goals(conn, [MetGoal(passage.run, event, path)])
        assert await read_goal(conn, passage.run) == RunGoal(met_at=at, value=value)


async def test_a_goal_is_met_once(pool: Pool) -> None:
    async with pool.connection() as conn:
        passage = await begin(conn)
        await set_goal(conn, passage, look())
        first = await happen(conn, passage, total=1)
        second = await happen(conn, passage, total=2)
        await record_met_goals(conn, [MetGoal(passage.run, first, "total")])
        met = await read_goal(conn, passage.run)
        assert await met_by(conn, look(), first, second) == set()
        await record_met_goals(conn, [MetGoal(passage.run, second, "total")])
        assert await read_goal(conn, passage.run) == met
        assert met is not None
        assert met.value == 1

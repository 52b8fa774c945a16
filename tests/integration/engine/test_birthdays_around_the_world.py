"""Birthdays in 60 zones: each is greeted once, at the right local time, or listed as late.

80 contacts here; `GREETED_CONTACTS=10000` before pytest for all.
"""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from store.events.ingest import take
from store.events.items import Accepted, Item
from tests.support.random_lives import JOURNEY_ZONE, LIVE, OUTAGES, UNTIL, Lives
from tests.support.reference_dates import Life, Rule, Stage, greetings
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]

COUNT = int(os.environ.get("GREETED_CONTACTS", "80"))
SEED = int(os.environ.get("GREETED_FROM", "0"))
RULES = {
    # In the night, when clocks are changed; and three days ahead, in the morning.
    "night": Rule(live=LIVE, at="02:30"),
    "ahead": Rule(live=LIVE, at="09:00", offset="-3d"),
}
JOURNEYS = f"""
journey: night
timezone: {JOURNEY_ZONE}
entry: {{date: {{attribute: birthday, every: year, at: "02:30"}}}}
steps: [{{id: day, wait: 1h}}]
---
journey: ahead
timezone: {JOURNEY_ZONE}
entry: {{date: {{attribute: birthday, every: year, offset: -3d, at: "09:00"}}}}
steps: [{{id: day, wait: 1h}}]
"""
Came = tuple[str, int, datetime, bool]
"""Journey, year, when, and whether it was too late."""


def traits(stage: Stage) -> dict[str, Any]:
    return {"birthday": stage.born, "timezone": stage.zone}


async def change(pool: Pool, changed: list[tuple[str, Stage]]) -> None:
    items = [
        Item("identify", str(uuid4()), user_id=user, traits=traits(stage))
        for user, stage in changed
    ]
    answers = await take(pool, items, limit_per_minute=1_000_000)
    assert all(isinstance(each, Accepted) for each in answers)


async def came(engine: TimedEngine) -> dict[UUID, list[Came]]:
    found: dict[UUID, list[Came]] = defaultdict(list)
    for contact, journey, key, at, late in await engine._rows(
        "select contact_id, journey, key, started_at, false from run"
        " union all select contact_id, journey, key, refused_at, true from refusal"
        " where code = 'late' order by 4"
    ):
        found[contact].append((journey, int(key), at.astimezone(UTC), late))
    return found


def expected(life: Life) -> list[Came]:
    return [
        (journey, each.year, each.at, each.late)
        for journey, rule in RULES.items()
        for each in greetings(life, rule, UNTIL, OUTAGES)
    ]


async def test_each_is_greeted_once_at_its_local_time_or_listed_as_late(
    pool: Pool, temporal_client: Client
) -> None:
    made = Lives(SEED, list(RULES.values()))
    engine = await TimedEngine.begin(pool, temporal_client, LIVE)
    lives: dict[str, Life] = {}
    there = [made.life() for _ in range(COUNT)]
    before = [life for life in there if life.stages[0].since < LIVE]
    ids = await engine.contacts(
        len(before),
        attributes=[{"birthday": life.stages[0].born} for life in before],
        timezone=[life.stages[0].zone for life in before],
    )
    lives |= {str(contact): life for contact, life in zip(ids, before, strict=True)}
    lives |= {str(uuid4()): life for life in there if life not in before}
    await engine.apply(JOURNEYS)
    await engine.work()

    right = {user: expected(life) for user, life in lives.items()}
    changes: dict[datetime, list[tuple[str, Stage]]] = defaultdict(list)
    for user, life in lives.items():
        for stage in life.stages:
            if LIVE <= stage.since <= UNTIL:
                changes[stage.since].append((user, stage))
    greeted = {each[2] for listed in right.values() for each in listed}
    for now in sorted({*changes, *greeted, *(end for _, end in OUTAGES.periods), UNTIL}):
        await engine.set(now)
        if now in changes:
            await change(pool, changes[now])
        if OUTAGES.work_at(now) == now:
            await engine.work()

    users = await engine._rows("select external_id, id from contact")
    found = await came(engine)
    wrong = [
        (user, lives[user], sorted(found[contact]), sorted(right[user]))
        for user, contact in users
        if sorted(found[contact]) != sorted(right[user])
    ]
    assert not wrong, f"seed {SEED}, {len(wrong)} of {COUNT}, first {wrong[0]}"
    all_of_them = [each for listed in right.values() for each in listed]
    assert len(all_of_them) > COUNT
    assert any(late for *_, late in all_of_them)

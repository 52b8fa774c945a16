"""Members of random segments against a straightforward evaluator, as time and contacts go on.

Four worlds of ten segments here; `SEGMENT_WORLDS=200` before pytest plays 2,000 conditions, and
`SEGMENT_WORLDS_FROM` others.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from tests.support.played_segments import START, Play

WORLDS = int(os.environ.get("SEGMENT_WORLDS", "4"))
FIRST = int(os.environ.get("SEGMENT_WORLDS_FROM", "0"))
SEEDS = range(FIRST, FIRST + WORLDS)

pytestmark = pytest.mark.parametrize(
    # Judged in the round, or all put off to the queue of what is due: that changes no outcome.
    ("seed", "judging"),
    [
        *(pytest.param(seed, None, id=f"{seed}") for seed in SEEDS),
        *(pytest.param(seed, 0.0, id=f"{seed}-put-off") for seed in SEEDS[: (WORLDS + 1) // 2]),
    ],
)


async def agree(play: Play, where: str, *, history: bool = True) -> None:
    wrong = await play.differences(history=history, events=history)
    assert not wrong, "\n".join([where, *wrong[:5]])


async def test_members_and_history_are_right_after_each_step(
    pool: AsyncConnectionPool[Any], seed: int, judging: float | None
) -> None:
    play = Play(pool, seed, contacts=8, judging=judging)
    await play.begin()
    await agree(play, f"seed {seed}")
    for step in range(40):
        await play.to(play.next_instant())
        kind = play.any.random()
        contact = play.any.choice(list(play.contacts))
        if kind < 0.4:
            await play.event(contact)
            await play.changed(contact)
        elif kind < 0.7:
            await play.change(contact)
            await play.changed(contact)
        elif kind < 0.75:
            await play.imported(contact)
            await play.changed(contact)
        elif kind < 0.8:
            await play.appear()
            await play.changed(None)
        await play.settle()
        await agree(play, f"seed {seed}, step {step}")
    assert sum(map(len, play.expected.values())) > 8
    if judging is None:
        # Looks that changed nothing: few for each contact, segment and day. Most worlds have none;
        # where one condition that can never hold stands in several segments, it is looked at in all
        # of them. The least instant of all parts would be looked at 0.01 to 0.04 times.
        [(by_time,)] = await play.work.rows("select count(*) from segment_change where by = 'time'")
        days = (play.now - START) / timedelta(days=1)
        useless = (play.wakes - by_time) / (days * len(play.contacts) * len(play.keys))
        assert useless < 0.005
    assert await play.work.check() == dict.fromkeys(sorted(play.keys), 0)
    for _ in range(4):
        await play.merge_known()
        await play.reread()
        await play.settle()
        await agree(play, f"seed {seed}, merged", history=False)
    assert await play.work.check() == dict.fromkeys(sorted(play.keys), 0)


async def test_an_outage_of_50_events_changes_no_history(
    pool: AsyncConnectionPool[Any], seed: int, judging: float | None
) -> None:
    play = Play(pool, seed, contacts=6, judging=judging)
    await play.begin()
    for _ in range(50):
        await play.jump(play.next_instant())
        contact = play.any.choice(list(play.contacts))
        await play.event(contact)
        await play.changed(contact)
    await play.settle()
    await agree(play, f"seed {seed}")
    for _ in range(50):
        await play.jump(play.next_instant())
        contact = play.any.choice(list(play.contacts))
        await (play.event if play.any.random() < 0.6 else play.change)(contact)
        await play.changed(contact)
    await play.settle()
    # Attributes, groups and topics have no history: what was in between is as they are now.
    await agree(play, f"seed {seed}", history=False)
    assert await play.work.check() == dict.fromkeys(sorted(play.keys), 0)

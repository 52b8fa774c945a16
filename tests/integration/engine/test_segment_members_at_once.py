"""Members of segments while dispatchers, drainers, ingest, jobs and the clock are at work at once.

A world each here; `SEGMENT_CROWDS=100` before pytest plays more, and `SEGMENT_CROWDS_FROM`
others.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from tests.support.conditions import eventually
from tests.support.crowded_segments import Crowd
from tests.support.played_segments import START
from tests.support.segments import SegmentsAtWork

CROWDS = int(os.environ.get("SEGMENT_CROWDS", "1"))
FIRST = int(os.environ.get("SEGMENT_CROWDS_FROM", "0"))
END = START + timedelta(days=90)

each_seed = pytest.mark.parametrize("seed", range(FIRST, FIRST + CROWDS))
each_way = pytest.mark.parametrize("judging", [None, 0.0], ids=["at_once", "put_off"])


async def agree(crowd: Crowd, seed: int, *, history: bool) -> None:
    await crowd.settle()
    await crowd.reread()
    if history:
        crowd.work_out()
    wrong = await crowd.differences(history=history, events=history)
    assert not wrong, "\n".join([f"seed {seed}", *wrong[:5]])
    corrected = await crowd.work.check()
    assert corrected == dict.fromkeys(sorted(crowd.keys), 0), f"seed {seed}"


@each_seed
@each_way
async def test_history_is_exact_however_many_work_on_it(
    pool: AsyncConnectionPool[Any], seed: int, judging: float | None
) -> None:
    crowd = Crowd(pool, seed, contacts=8, segments=5, judging=judging)
    await crowd.begin()
    await crowd.at_once([crowd.some_event] * 80, hands=4, until=END)
    await agree(crowd, seed, history=True)


@each_seed
@each_way
async def test_members_are_right_after_everything_at_once(
    pool: AsyncConnectionPool[Any], seed: int, judging: float | None
) -> None:
    crowd = Crowd(pool, seed, contacts=10, segments=5, judging=judging)
    await crowd.begin()
    doings = [
        *[crowd.some_event] * 30,
        *[crowd.some_change] * 30,
        *[crowd.some_import] * 5,
        *[crowd.appear] * 4,
        *[crowd.visit_and_sign_up] * 5,
        *[crowd.merge_known] * 3,
        *[crowd.redefine] * 4,
    ]
    await crowd.at_once(doings, hands=4, until=END)
    await agree(crowd, seed, history=False)


async def test_a_fill_that_ends_and_the_next_definition_wait_for_each_other_in_one_order(
    pool: AsyncConnectionPool[Any],
) -> None:
    work, other = SegmentsAtWork(pool), SegmentsAtWork(pool)
    [job] = await work.save("{segment: pro, if: {attribute: plan, is: pro}}")

    async def blocked(count: int) -> bool:
        [(waiting,)] = await work.rows(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        return bool(waiting == count)

    async with asyncio.TaskGroup() as group, pool.connection() as conn, conn.transaction():
        await conn.execute("select from segment for update")
        group.create_task(work.fill(job))
        await eventually(lambda: blocked(1))
        saving = group.create_task(other.save("{segment: pro, if: {attribute: plan, is: free}}"))
        await eventually(lambda: blocked(2))
    [next_job] = saving.result()
    await work.fill(next_job)
    assert await work.rows("select generation, state from segment") == [(2, "ready")]

"""Members of segments while dispatchers, drainers, ingest, jobs and the clock are at work at once.

Three worlds each here; `SEGMENT_CROWDS=100` before pytest plays more, and `SEGMENT_CROWDS_FROM`
others.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from tests.support.crowded_segments import Crowd
from tests.support.played_segments import KEYS, START

CROWDS = int(os.environ.get("SEGMENT_CROWDS", "3"))
FIRST = int(os.environ.get("SEGMENT_CROWDS_FROM", "0"))
END = START + timedelta(days=90)

pytestmark = pytest.mark.parametrize("seed", range(FIRST, FIRST + CROWDS))


async def agree(crowd: Crowd, seed: int, *, history: bool) -> None:
    await crowd.settle()
    await crowd.reread()
    if history:
        crowd.work_out()
    wrong = await crowd.differences(history=history, events=history)
    assert not wrong, "\n".join([f"seed {seed}", *wrong[:5]])
    corrected = await crowd.work.check()
    assert corrected == dict.fromkeys(sorted(KEYS), 0), f"seed {seed}"


async def test_history_is_exact_however_many_work_on_it(
    pool: AsyncConnectionPool[Any], seed: int
) -> None:
    crowd = Crowd(pool, seed, contacts=8)
    await crowd.begin()
    await crowd.at_once([crowd.some_event] * 80, hands=4, until=END)
    await agree(crowd, seed, history=True)


async def test_members_are_right_after_everything_at_once(
    pool: AsyncConnectionPool[Any], seed: int
) -> None:
    crowd = Crowd(pool, seed, contacts=8)
    await crowd.begin()
    doings = [
        *[crowd.some_event] * 30,
        *[crowd.some_change] * 30,
        *[crowd.some_import] * 5,
        *[crowd.appear] * 4,
        *[crowd.visit_and_sign_up] * 5,
        *[crowd.redefine] * 4,
    ]
    await crowd.at_once(doings, hands=4, until=END)
    await agree(crowd, seed, history=False)

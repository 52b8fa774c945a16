"""A weekly digest at local time in 60 zones: once for each week, at the right instant, or late.

A contact for each zone and 40 who move here; `DIGEST_CONTACTS=10000` before pytest for more.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from tests.support.random_lives import ZONES
from tests.support.reference_dates import Outages
from tests.support.reference_times import shift, to_instant
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]

COUNT = int(os.environ.get("DIGEST_CONTACTS", "100"))
SEED = int(os.environ.get("DIGEST_FROM", "0"))
BEGIN, END = datetime(2027, 3, 10, tzinfo=UTC), datetime(2027, 3, 31, tzinfo=UTC)
# All of the second Sunday, from its beginning in UTC+14 on.
OUTAGES = Outages([(datetime(2027, 3, 20, 12, tzinfo=UTC), datetime(2027, 3, 21, 18, tzinfo=UTC))])
DIGEST = """
segment: readers
if: {attribute: reads, is: true}
---
journey: digest
timezone: Europe/Paris
entry: {schedule: {cron: "30 2 * * sun", timezone: contact, segment: readers}}
steps: [{id: day, wait: 1h}]
"""
WEEKS = tuple(datetime(2027, 3, day, 2, 30) for day in (14, 21, 28))  # noqa: DTZ001
"""The local times. On the first and the last of these days, clocks are changed somewhere."""
DATE_LINE = (
    "Pacific/Kiritimati", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham",
    "Australia/Lord_Howe", "Pacific/Honolulu", "Pacific/Marquesas", "Pacific/Pago_Pago",
)  # fmt: skip
"""Zones on both sides of the date line: there it comes first, and last."""


class Reader:
    """A contact, and when it moves where."""

    def __init__(self, made: random.Random, number: int) -> None:
        self.zone = ZONES[number % len(ZONES)]
        self.reads = made.random() < 0.9
        self.moves: dict[datetime, str] = {}
        if number >= len(ZONES):
            for local in WEEKS:
                for _ in range(made.choice([1, 1, 2, 3])):
                    # From the first turn anywhere to the last one.
                    moved = local.replace(tzinfo=UTC, minute=7) + timedelta(
                        hours=made.randrange(-14, 13, 2)
                    )
                    self.moves[moved] = made.choice(made.choice([ZONES, DATE_LINE]))

    def zone_at(self, instant: datetime) -> str:
        moved = [zone for since, zone in sorted(self.moves.items()) if since <= instant]
        return moved[-1] if moved else self.zone

    def expected(self) -> dict[str, tuple[datetime | None, bool]]:
        """By local time: when it comes, and whether it is late once or more.

        The contact is asked when the time comes on the clocks of the zone that it has then, and
        when it moves to where the time is over, unless it was asked before.
        """
        found: dict[str, tuple[datetime | None, bool]] = {}
        if not self.reads:
            return found
        for local in WEEKS:
            turns = {zone: to_instant(local, zone) for zone in {self.zone, *self.moves.values()}}
            looks = {OUTAGES.work_at(each) for each in (*turns.values(), *self.moves)}
            came, late = None, False
            for now in sorted(looks):
                zone = self.zone_at(now)
                turn = turns[zone]
                if turn > now or (late and OUTAGES.work_at(turn) != now):
                    continue
                if now <= shift(turn, "+1d", zone):
                    came = now
                    break
                late = True
            found[local.isoformat()] = (came, late)
        return found


async def test_each_week_comes_once_to_each_contact_at_its_local_time(
    pool: Pool, temporal_client: Client
) -> None:
    made = random.Random(SEED)
    readers = [Reader(made, number) for number in range(COUNT)]
    engine = await TimedEngine.begin(pool, temporal_client, BEGIN)
    ids = await engine.contacts(
        COUNT,
        attributes=[{"reads": each.reads} for each in readers],
        timezone=[each.zone for each in readers],
    )
    await engine.apply(DIGEST)
    by_id = dict(zip(ids, readers, strict=True))
    moves: dict[datetime, list[tuple[UUID, str]]] = defaultdict(list)
    for contact, reader in by_id.items():
        for moved, zone in reader.moves.items():
            moves[moved].append((contact, zone))
    turns = {OUTAGES.work_at(to_instant(local, zone)) for zone in ZONES for local in WEEKS}
    for now in sorted({BEGIN, *turns, *moves, END}):
        await engine.set(now)
        for contact, zone in moves.get(now, ()):
            await engine.identify(str(contact), {"timezone": zone})
        if OUTAGES.work_at(now) == now:
            await engine.work()

    came: dict[UUID, dict[str, datetime]] = defaultdict(dict)
    runs = await engine.runs()
    for contact, key, started in runs:
        came[contact][key] = started.astimezone(UTC)
    assert [each for each, count in Counter(run[:2] for run in runs).items() if count > 1] == []
    late = Counter(each[:2] for each in await engine.refusals() if each[2] == "late")
    assert [each for each, count in late.items() if count > 1] == []
    wrong: list[tuple[Any, ...]] = []
    for contact, reader in by_id.items():
        right = reader.expected()
        keys = came[contact].keys() | {key for other, key in late if other == contact}
        for local in sorted(right.keys() | keys):
            answer = came[contact].get(local), late[contact, local] > 0
            if answer != right.get(local):
                wrong.append((reader.zone, reader.moves, local, answer, right.get(local)))
    assert not wrong, f"seed {SEED}, {len(wrong)} wrong, first {wrong[0]}"
    assert len(runs) > 2 * COUNT
    assert late

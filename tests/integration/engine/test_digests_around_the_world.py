"""A weekly digest at local time in 60 zones: once for each week, at the right instant, or late.

A contact for each zone and 12 who move here; `DIGEST_CONTACTS=10000` before pytest for more.
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
from tests.support.reference_dates import DAY, Outages, digests
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]

COUNT = int(os.environ.get("DIGEST_CONTACTS", "72"))
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
SUNDAY, AT = 6, "02:30"
MOVES = (datetime(2027, 3, 14), datetime(2027, 3, 28))  # noqa: DTZ001
"""The local days about which contacts move: on both, clocks are changed somewhere."""


class Reader:
    """A contact, and when it moves where."""

    def __init__(self, made: random.Random, number: int) -> None:
        self.zone = ZONES[number % len(ZONES)]
        self.reads = made.random() < 0.9
        self.moves: dict[datetime, str] = {}
        if number >= len(ZONES):
            for day in MOVES:
                hours = made.randrange(-13, 18)
                moved = day.replace(tzinfo=UTC) + timedelta(hours=hours, minutes=7)
                self.moves[moved] = made.choice(ZONES)

    def zone_at(self, instant: datetime) -> str:
        moved = [zone for since, zone in sorted(self.moves.items()) if since <= instant]
        return moved[-1] if moved else self.zone

    def expected(self) -> dict[str, tuple[datetime, datetime]]:
        """By local time: the earliest and the latest instant at which it may come."""
        found: dict[str, tuple[datetime, datetime]] = {}
        if not self.reads:
            return found
        for each in digests(self.zone, SUNDAY, AT, BEGIN, END):
            key = each.local.isoformat()
            walk_end = each.local.replace(tzinfo=UTC) + timedelta(hours=13)
            zones = [self.zone_at(each.at - 2 * DAY)]
            came = OUTAGES.work_at(each.at)
            span = (came, came)
            for moved, zone in sorted(self.moves.items()):
                if abs(moved - each.at) < 3 * DAY and moved < self.turn(zones[-1], key):
                    zones.append(zone)
                    turn = self.turn(zone, key)
                    # One who left for where it was over is looked for in the end.
                    span = (turn, turn) if turn > moved else (moved, walk_end)
            if len(zones) == 1:
                turn = OUTAGES.work_at(self.turn(zones[0], key))
                span = (turn, turn)
            found[key] = span
        return found

    @staticmethod
    def turn(zone: str, key: str) -> datetime:
        """When a zone's clocks show the local time of an occurrence."""
        local = datetime.fromisoformat(key)
        around = local.replace(tzinfo=UTC)
        (found,) = [
            each for each in digests(zone, SUNDAY, AT, around - 2 * DAY, around + 2 * DAY)
            if each.local == local
        ]  # fmt: skip
        return found.at


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
    turns = {
        OUTAGES.work_at(each.at) for zone in ZONES for each in digests(zone, SUNDAY, AT, BEGIN, END)
    }
    ends = {turn.replace(hour=16, minute=0) for turn in turns}
    for now in sorted({BEGIN, *turns, *moves, *ends, END}):
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
    late = {(contact, key) for contact, key, code in await engine.refusals() if code == "late"}
    wrong: list[tuple[Any, ...]] = []
    for contact, reader in by_id.items():
        right = reader.expected()
        for local, (first, last) in right.items():
            begun = came[contact].get(local)
            refused = (contact, local) in late
            if last - reader.turn(reader.zone_at(last), local) <= DAY:
                fine = begun is not None and first <= begun <= last and not refused
            elif first == last:
                fine = refused and begun is None
            else:
                fine = refused is (begun is None)
            if not fine:
                wrong.append((reader.zone, reader.moves, local, begun, first, last))
        if came[contact].keys() - right.keys():
            wrong.append((reader.zone, reader.moves, came[contact]))
    assert not wrong, f"seed {SEED}, {len(wrong)} wrong, first {wrong[0]}"
    assert len(runs) > 2 * COUNT
    assert late

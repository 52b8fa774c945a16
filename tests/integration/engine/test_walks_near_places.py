"""Random walks about shops, against distances and approaches that are worked out independently.

12 walkers of 50 positions here; `WALKERS=500` before pytest for more, `WALKS_FROM` for others.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import asin, atan2, cos, degrees, radians, sin
from typing import Any
from uuid import uuid4

import orjson
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from store.definitions.catalog import Catalog
from store.events.ingest import take
from store.events.items import Accepted, Item
from store.simulation.simulated_database import set_clock, stop_clock
from tests.support.engine import activate
from tests.support.reference_conditions import EARTH_KM, distance_km

WALKERS = int(os.environ.get("WALKERS", "12"))
SEED = int(os.environ.get("WALKS_FROM", "0"))
POSITIONS = 50
KM = 0.5
AWAY = max(1.25 * KM, KM + 0.1)
SILENCE = timedelta(days=1)
START = datetime(2027, 5, 1, tzinfo=UTC)
Point = tuple[float, float]
SHOPS: dict[str, Point] = {
    "lyon": (45.764, 4.8357), "lyon-north": (45.7715, 4.8357), "taveuni": (-16.8, 179.9995),
    "alert": (82.5018, -62.3481), "quito": (0.0002, -78.4678),
}  # fmt: skip
LISTED = "\n".join(
    f"  - {{name: {name}, lat: {lat}, lon: {lon}}}" for name, (lat, lon) in SHOPS.items()
)
JOURNEY = f"""
places: shops
list:
{LISTED}
---
journey: offer
entry: {{near: {{places: shops, km: {KM}}}}}
re_entry: always
if_active: restart
steps: [{{id: stay, wait: 30d}}]
"""


def moved(point: Point, km: float, bearing: float) -> Point:
    """The point so far away in a direction, on the sphere."""
    lat, lon, way = radians(point[0]), radians(point[1]), km / EARTH_KM
    there = asin(sin(lat) * cos(way) + cos(lat) * sin(way) * cos(bearing))
    east = atan2(sin(bearing) * sin(way) * cos(lat), cos(way) - sin(lat) * sin(there))
    longitude = (degrees(lon + east) + 540) % 360 - 180
    return degrees(there), longitude


class Walker:
    """A contact that walks about one shop, and the approaches that follow."""

    def __init__(self, made: random.Random, number: int) -> None:
        self.user = f"w{number}"
        self.shop = made.choice(list(SHOPS.values()))
        # Half of them stand at the edge, where their positions jitter by 80 metres.
        self.jitters = number % 2 == 0
        self._made = made
        self._near: Point | None = None
        self._seen = START
        self.expected: list[str] = []

    def next_position(self) -> Point:
        far = KM + self._made.uniform(-0.08, 0.08)
        if not self.jitters:
            far = self._made.choice([far, 0.01, KM + 0.3, 3.0, 40.0, AWAY + 0.02])
        return moved(self.shop, far, self._made.uniform(0, 6.28))

    def walk(self, point: Point, at: datetime) -> None:
        """Note whether the position is a new approach."""
        silent = at - self._seen > SILENCE
        self._seen = at
        if self._near is not None and not silent and distance_km(point, self._near) <= AWAY:
            return
        found = min((distance_km(point, shop), name) for name, shop in SHOPS.items())
        self._near = SHOPS[found[1]] if found[0] <= KM else None
        if self._near is not None:
            self.expected.append(found[1])


async def test_each_approach_gives_one_offer(
    pool: AsyncConnectionPool[Any], temporal_client: Client
) -> None:
    made = random.Random(SEED)
    walkers = [Walker(made, number) for number in range(WALKERS)]
    dispatcher = Dispatcher(pool, temporal_client, Catalog())
    now = START
    async with pool.connection() as conn:
        await stop_clock(conn, now)
    await activate(pool, JOURNEY)
    for number in range(POSITIONS):
        rest = made.choice([30, 60, 600, 3_600]) if number % 20 else 90_000
        now += timedelta(seconds=rest)
        async with pool.connection() as conn:
            await set_clock(conn, now)
        items = []
        for walker in walkers:
            lat, lon = walker.next_position()
            walker.walk((lat, lon), now)
            properties = {"lat": lat, "lon": lon}
            items.append(
                Item(
                    "track", str(uuid4()), user_id=walker.user, name="Location Updated",
                    properties=orjson.Fragment(orjson.dumps(properties)),
                )
            )  # fmt: skip
        answers = await take(pool, items, limit_per_minute=1_000_000)
        assert all(isinstance(each, Accepted) for each in answers)
        # An offer a day later would be too late.
        if made.random() < 0.3 or (number + 1) % 20 == 0:
            await dispatcher.drain()
    await dispatcher.drain()

    reached: dict[str, list[str]] = defaultdict(list)
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select c.external_id, e.properties ->> 'place' from event e"
            " join contact c on c.id = e.contact_id where e.name = 'Place Reached' order by e.id"
        )
        for user, place in await cursor.fetchall():
            reached[user].append(place)
        cursor = await conn.execute(
            "select c.external_id, count(*) from run r join contact c on c.id = r.contact_id"
            " group by 1"
        )
        runs = dict(await cursor.fetchall())
    wrong = [
        (each.user, reached[each.user], each.expected)
        for each in walkers
        if reached[each.user] != each.expected
    ]
    assert not wrong, f"seed {SEED}: {wrong[:3]}"
    assert runs == {each.user: len(each.expected) for each in walkers if each.expected}
    # Three silences of a day: at the edge of a shop that stands alone, one offer after each.
    alone = (SHOPS["taveuni"], SHOPS["alert"], SHOPS["quito"])
    at_edge = [len(each.expected) for each in walkers if each.jitters and each.shop in alone]
    assert at_edge
    assert all(1 <= count <= 3 for count in at_edge)
    assert sum(len(each.expected) for each in walkers) > 3 * WALKERS

"""Entries near places: one for each approach, however positions jitter, come late or come again.

Distances: a degree of latitude is 111.195 km on the sphere that conditions use as well.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from store.definitions.catalog import Catalog
from store.events.recording import NewEvent, record_events
from tests.support.engine import activate, make_contact

LAT, LON = 45.764, 4.8357
KM = 1 / 111.195
"""A kilometre, in degrees of latitude."""
SHOPS = f"places: shops\nlist: [{{name: Lyon, lat: {LAT}, lon: {LON}}}]\n"
JOURNEY = """
journey: near-shop
entry: ENTRY
re_entry: always
if_active: restart
steps:
  - {id: stand, wait: {event: Never}}
"""


class Walk:
    """A contact that moves about, seen by a dispatcher."""

    def __init__(self, pool: AsyncConnectionPool[Any], client: Client) -> None:
        self.pool = pool
        self.dispatcher = Dispatcher(pool, client, Catalog(), poll=0.05)
        self.contact = UUID(int=1)
        self.now = datetime.now(UTC)

    async def at(
        self, km: float, *, ago: timedelta | None = None, dispatch: bool = True, east: float = 0.0
    ) -> None:
        """The contact is so many kilometres north of the shop."""
        happened = None if ago is None else self.now - ago
        properties = {"lat": LAT + km * KM, "lon": LON + east}
        async with self.pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where id = %s for no key update",
                               (self.contact,))  # fmt: skip
            await record_events(
                conn,
                self.contact,
                [NewEvent("Location Updated", properties)],
            )
            if happened is not None:
                await conn.execute(
                    "update event set client_at = %s where id = (select max(id) from event)",
                    (happened,),
                )
        if dispatch:
            await self.dispatcher.drain()

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode())
            return list(await cursor.fetchall()) if cursor.description else []

    async def reached(self) -> list[Any]:
        """The places that were reached, in order."""
        rows = await self.rows(
            "select properties ->> 'place' from event where name = 'Place Reached' order by id"
        )
        return [row[0] for row in rows]

    async def entered(self) -> int:
        """How many runs there are."""
        [(count,)] = await self.rows("select count(*) from run")
        return int(count)


@pytest.fixture
async def walk(pool: AsyncConnectionPool[Any], temporal_client: Client) -> Walk:
    walk = Walk(pool, temporal_client)
    walk.contact = await make_contact(pool)
    return walk


async def live(
    walk: Walk, entry: str = "{near: {places: shops, km: 1}}", places: str = SHOPS
) -> None:
    """Make the shops and a journey near them live."""
    await activate(walk.pool, places)
    await activate(walk.pool, JOURNEY.replace("ENTRY", entry))


async def test_fifty_positions_that_jitter_at_the_edge_give_one_offer(walk: Walk) -> None:
    await live(walk)
    await walk.at(3)
    draw = random.Random(7)
    for _ in range(50):
        await walk.at(1 + draw.uniform(-0.09, 0.09), dispatch=draw.random() < 0.5)
    await walk.dispatcher.drain()
    assert await walk.reached() == ["Lyon"]
    assert await walk.rows("select entry from run") == [
        ({"places": "shops", "place": "Lyon", "km": 1},)
    ]
    [(name,)] = await walk.rows(
        "select c.name from event e join event c on c.id = e.cause_id"
        " where e.name = 'Place Reached'"
    )
    assert name == "Location Updated"


@pytest.mark.parametrize(
    ("km", "away", "times"), [(1, 1.2, 1), (1, 1.3, 2), (0.1, 0.15, 1), (0.1, 0.21, 2)]
)
async def test_a_contact_approaches_again_once_it_has_gone_away(
    walk: Walk, km: float, away: float, times: int
) -> None:
    """Away is a quarter more than the distance, and 100 metres at least."""
    await live(walk, f"{{near: {{places: shops, km: {km}}}}}")
    for distance in (5, km * 0.5, away, km * 0.5):
        await walk.at(distance)
    assert await walk.entered() == times


async def test_a_contact_that_is_silent_for_a_day_approaches_again(walk: Walk) -> None:
    await live(walk, "{near: {places: shops, km: 1}, max_age: 30d}")
    await walk.at(0.5, ago=timedelta(hours=49))
    await walk.at(0.5, ago=timedelta(hours=26))
    assert await walk.entered() == 1
    await walk.at(0.5, ago=timedelta(hours=1))
    assert await walk.entered() == 2


async def test_a_position_of_days_ago_begins_nothing(walk: Walk) -> None:
    await live(walk)
    await walk.at(0.5, ago=timedelta(hours=30))
    assert await walk.entered() == 0
    assert await walk.rows("select code from refusal") == [("late_event",)]


async def test_a_position_that_was_overtaken_counts_for_nothing(walk: Walk) -> None:
    await live(walk)
    await walk.at(8)
    await walk.at(0.5, ago=timedelta(hours=2))
    assert await walk.reached() == []
    await walk.at(0.5)
    assert await walk.reached() == ["Lyon"]
    # It was away once, in between; that comes late.
    await walk.at(8, ago=timedelta(hours=1))
    await walk.at(0.4)
    assert await walk.reached() == ["Lyon"]


async def test_positions_that_are_dispatched_again_give_no_second_offer(walk: Walk) -> None:
    await live(walk)
    for km in (0.5, 9, 0.5):
        await walk.at(km)
    assert await walk.entered() == 2
    await walk.rows(
        "insert into outbox (contact_id, event_id)"
        " select contact_id, id from event where name = 'Location Updated'"
    )
    await walk.dispatcher.drain()
    assert await walk.entered() == 2


async def test_the_nearest_of_several_places_is_named(walk: Walk) -> None:
    shops = (
        f"places: shops\nlist:\n  - {{name: North, lat: {LAT + 0.8 * KM}, lon: {LON}}}\n"
        f"  - {{name: South, lat: {LAT - 0.8 * KM}, lon: {LON}}}\n"
        f"  - {{name: Far, lat: {LAT}, lon: {LON + 30}}}\n"
    )
    await live(walk, places=shops)
    # Near both, then nearer to the other, then only near the other.
    for km in (0.1, -0.1, -1.0):
        await walk.at(km)
    assert await walk.reached() == ["North", "South"]


async def test_a_changed_list_of_places_makes_no_approach_by_itself(walk: Walk) -> None:
    await live(walk)
    await walk.at(0.5)
    renamed = SHOPS.replace("Lyon", "Lyon 2")
    async with walk.pool.connection() as conn:
        await conn.execute("delete from document where kind = 'places'")
    await activate(walk.pool, renamed)
    await walk.at(0.4)
    assert await walk.reached() == ["Lyon"]
    await walk.at(3)
    await walk.at(0.4)
    assert await walk.reached() == ["Lyon", "Lyon 2"]
    async with walk.pool.connection() as conn:
        await conn.execute("delete from document where kind = 'places'")
        await conn.execute("update catalog set revision = revision + 1")
    await walk.at(3)
    await walk.at(0.4)
    assert await walk.entered() == 2


async def test_a_point_needs_no_list(walk: Walk) -> None:
    await live(walk, f"{{near: {{lat: {LAT}, lon: {LON}, km: 2.5}}}}")
    await walk.at(2)
    assert await walk.rows("select entry from run") == [
        ({"places": f"{LAT}, {LON}", "place": f"{LAT}, {LON}", "km": 2.5},)
    ]


async def test_two_distances_are_two_approaches(walk: Walk) -> None:
    await live(walk, "[{near: {places: shops, km: 1}}, {near: {places: shops, km: 5}}]")
    await walk.at(3)
    await walk.at(0.5)
    assert await walk.rows("select entry ->> 'km' from run order by started_at") == [("5",), ("1",)]


async def test_without_a_live_entry_near_a_place_nothing_is_kept(walk: Walk) -> None:
    await activate(walk.pool, SHOPS)
    await activate(walk.pool, JOURNEY.replace("ENTRY", "{event: Order}"))
    await walk.at(0.5)
    assert await walk.reached() == []
    assert await walk.rows("select count(*) from near_contact") == [(0,)]


async def test_a_contact_that_fails_keeps_no_other_from_its_place(walk: Walk) -> None:
    await live(walk)
    other = await make_contact(walk.pool)
    async with walk.pool.connection() as conn:
        await conn.execute(
            "create function break() returns trigger language plpgsql as $$ begin"
            f" if new.contact_id = '{walk.contact}' then raise 'broken'; end if;"
            " return new; end $$"
        )
        await conn.execute(
            "create trigger break before insert on near_contact for each row"
            " execute function break()"
        )
    await walk.at(0.5, dispatch=False)
    walk.contact = other
    await walk.at(0.5)
    assert await walk.rows("select contact_id from run") == [(other,)]
    assert await walk.rows("select activity from fault") == [("places",)]
    assert await walk.rows("select count(*) from outbox") == [(0,)]

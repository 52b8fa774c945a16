"""The timeline of a contact: complete, in order, and stable while more happens."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.messages.kept_contents import pack_content
from store.timeline.cursor import SOURCES, NoCursor, Place
from store.timeline.timeline import ITEM_TYPES, TimelineItem, read_timeline
from tests.support.engine import make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {
    "Bought": "event",
    "Page Viewed": "event",
    "Ärger": "event",
    "Contact Changed": "change",
    "Group Joined": "group",
}


@dataclass(frozen=True, order=True)
class Happening:
    """Something that was written, as the test itself keeps it: ordered as the timeline is."""

    at: datetime
    rank: int
    id: int
    n: int
    type: str


async def write_life(
    pool: Pool, contact: UUID, seed: int, *, many: int, refusals: bool = True
) -> list[Happening]:
    """Write a life at random, many things in the same instants; what was written."""
    dice = random.Random(seed)
    refused: list[datetime] = []

    def instant() -> datetime:
        # Few instants, so that many things share one.
        return START + timedelta(minutes=dice.randrange(many // 2))

    found: list[Happening] = []
    async with pool.connection() as conn, conn.transaction():
        for journey in ("hello", "again"):
            await conn.execute(
                "insert into journey (key) values (%s) on conflict do nothing", (journey,)
            )
        await conn.execute("insert into coupon_pool (key) values ('p') on conflict do nothing")
        for number in range(many):
            kind = dice.choice(
                ("event", "event", "run", "refusal", "consent", "coupon", "segment", "merge")
            )
            at = instant()
            if kind == "event":
                name = dice.choice(list(NAMES))
                id_ = await one(
                    conn,
                    "insert into event (contact_id, name, properties, message_id, client_at)"
                    " values (%s, %s, %s, %s, %s) returning id",
                    contact, name, Jsonb({"n": number}), str(uuid4()), at,
                )  # fmt: skip
                found.append(Happening(at, 0, 0, id_, NAMES[name]))
            elif kind == "refusal":
                refused.append(at)
            elif kind == "segment":
                id_ = await one(
                    conn,
                    "insert into segment_change (contact_id, segment, entered, by, at)"
                    " values (%s, 'best', true, 'event', %s) returning id",
                    contact, at,
                )  # fmt: skip
                found.append(Happening(at, SOURCES.index("segment"), 0, id_, "segment"))
            elif kind == "merge":
                gone = str(uuid4())
                await conn.execute(
                    "insert into contact_alias (external_id, contact_id, merged_at)"
                    " values (%s, %s, %s)",
                    (gone, contact, at),
                )
                id_ = UUID(hashlib.md5(gone.encode(), usedforsecurity=False).hexdigest()).int
                found.append(Happening(at, SOURCES.index("merge"), id_, 0, "merge"))
            elif kind == "consent":
                id_ = await one(
                    conn,
                    "insert into consent_record (contact_id, topic, state, source, recorded_at)"
                    " values (%s, 'news', 'subscribed', 'api', %s) returning id",
                    contact, at,
                )  # fmt: skip
                found.append(Happening(at, SOURCES.index("consent"), 0, id_, "consent"))
            elif kind == "coupon":
                id_ = await one(
                    conn,
                    "insert into coupon (pool, code, contact_id, drawn_at)"
                    " values ('p', %s, %s, %s) returning id",
                    str(uuid4()), contact, at,
                )  # fmt: skip
                found.append(Happening(at, SOURCES.index("coupon"), 0, id_, "coupon"))
            else:
                found += await write_run(conn, contact, dice, at)
        # Entries are refused under the contact's lock: their ids follow their times.
        for at in sorted(refused) if refusals else []:
            id_ = await one(
                conn,
                "insert into refusal (journey, contact_id, code, refused_at)"
                " values (%s, %s, 're_entry', %s) returning id",
                dice.choice(("hello", "again")), contact, at,
            )  # fmt: skip
            found.append(Happening(at, SOURCES.index("refusal"), 0, id_, "refusal"))
    return found


async def write_run(
    conn: AsyncConnection[Any], contact: UUID, dice: random.Random, at: datetime
) -> list[Happening]:
    """Write a run with visits, messages and repairs."""
    run = uuid4()
    found = [Happening(at, SOURCES.index("entry"), run.int, 0, "entry")]
    await conn.execute(
        "insert into run (id, journey, version, contact_id, key, entry_ref, ref, started_at)"
        " values (%s, 'hello', 1, %s, %s, 0, 0, %s)",
        (run, contact, str(run), at),
    )
    now = at
    for visit in range(1, dice.randrange(1, 7)):
        now += timedelta(minutes=dice.choice((0, 0, 1, 5)))
        message = uuid4() if dice.random() < 0.5 else None
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, started_at, message_id)"
            " values (%s, %s, 's', 'email', %s, %s)",
            (run, visit, now, message),
        )
        found.append(Happening(now, SOURCES.index("visit"), run.int, visit, "visit"))
        if message is not None:
            await conn.execute(
                "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
                " first_attempt_at) values (%s, %s, %s, 's', %s, 'email', 'sent', '', %s)",
                (message, run, visit, contact, now),
            )
            await conn.execute(
                "insert into kept_content (message_id, content) values (%s, %s)",
                (message, pack_content({"subject": f"at {now}"})),
            )
            found.append(Happening(now, SOURCES.index("message"), run.int, visit, "message"))
    if dice.random() < 0.3:
        id_ = await one(
            conn,
            "insert into run_repair (run_id, action, visit, reason, made_by, made_at)"
            " values (%s, 'skip', 1, 'because', 'operate', %s) returning id",
            run, now,
        )  # fmt: skip
        found.append(Happening(now, SOURCES.index("repair"), run.int, id_, "repair"))
    if dice.random() < 0.7:
        await conn.execute(
            "update run set state = 'ended', outcome = 'finished', ended_at = %s where id = %s",
            (now, run),
        )
        found.append(Happening(now, SOURCES.index("end"), run.int, 0, "end"))
    return found


async def one(conn: AsyncConnection[Any], statement: str, *values: Any) -> int:
    """The number that a statement returns."""
    cursor = await conn.execute(statement.encode(), values)
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def seen(items: Iterable[TimelineItem]) -> list[Happening]:
    """The items as the test itself keeps them."""
    return [
        Happening(each.at, each.place.rank, each.place.id.int, each.place.n, each.type)
        for each in items
    ]


async def pages(
    pool: Pool, contact: UUID, limit: int, between: Any = None, **wanted: Any
) -> list[Happening]:
    """All pages of a timeline; `between` is awaited after each."""
    found: list[Happening] = []
    before: Place | None = None
    while True:
        async with pool.connection() as conn:
            page = await read_timeline(conn, contact, before=before, limit=limit, **wanted)
        found += seen(page)
        if len(page) < limit:
            return found
        before = Place.parse(str(page[-1].place))
        if between is not None:
            await between()


async def test_a_timeline_has_all_that_happened_in_order_on_pages_of_any_length(pool: Pool) -> None:
    contact, other = await make_contact(pool), await make_contact(pool)
    written = sorted(await write_life(pool, contact, 1, many=150), reverse=True)
    await write_life(pool, other, 2, many=40)
    assert {each.type for each in written} == {*ITEM_TYPES}
    for limit in (1, 3, 7, 50, 500):
        assert await pages(pool, contact, limit) == written, limit


async def test_a_timeline_of_one_type_and_time_is_that_part_of_the_whole(pool: Pool) -> None:
    contact = await make_contact(pool)
    written = sorted(await write_life(pool, contact, 3, many=80), reverse=True)
    from_, to = START + timedelta(minutes=10), START + timedelta(minutes=30)
    within = [each for each in written if from_ <= each.at < to]
    assert within
    assert await pages(pool, contact, 4, from_=from_, to=to) == within
    for kind in ITEM_TYPES:
        types = frozenset({kind})
        of_type = [each for each in written if each.type == kind]
        assert await pages(pool, contact, 4, types=types) == of_type, kind
        both = [each for each in within if each.type == kind]
        assert await pages(pool, contact, 4, types=types, from_=from_, to=to) == both, kind


async def test_a_page_stays_as_it_was_while_more_happens(pool: Pool) -> None:
    contact = await make_contact(pool)
    written = sorted(await write_life(pool, contact, 4, many=60), reverse=True)
    added: list[Happening] = []
    seeds = iter(range(100, 200))

    async def more() -> None:
        added.extend(await write_life(pool, contact, next(seeds), many=4, refusals=False))

    found = await pages(pool, contact, 9, more)
    assert added
    # Nothing twice, nothing out of order, and nothing missing that was there when it began.
    assert sorted(set(found), reverse=True) == found
    assert [each for each in found if each in set(written)] == written
    assert {*found} <= {*written, *added}


async def test_a_message_has_what_it_said(pool: Pool) -> None:
    contact = await make_contact(pool)
    await write_life(pool, contact, 5, many=60)
    async with pool.connection() as conn:
        items = await read_timeline(conn, contact, types=frozenset({"message"}), limit=100)
    assert items
    assert [each.content for each in items] == [{"subject": f"at {each.at}"} for each in items]


@pytest.mark.parametrize(
    "text",
    ["x", "1.2.3", "1.99.00000000000000000000000000000000.1", "1.0.zz.1",
     "9" * 40 + ".0.00000000000000000000000000000000.1",
     "1.0.00000000000000000000000000000000." + "9" * 30],
)  # fmt: skip
def test_a_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(NoCursor):
        Place.parse(text)

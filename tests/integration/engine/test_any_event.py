"""An entry event of any JSON never stops dispatch."""

from __future__ import annotations

import string
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.dispatcher import Dispatcher
from store.definitions.catalog import Catalog
from tests.support.bystanders import accept_of_each
from tests.support.engine import activate, make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]
EXAMPLES = 60

JOURNEYS = """
journey: any
entry:
  - {event: Any, key: key, where: {n: {gt: 3}}, max_age: 100y}
  - {event: Any, key: key, if: {entry: at, after: -3d}}
  - {event: Any, key: other.0.key}
exit: [{event: Any, where: {key: {entry: key}, n: {lte: {entry: n}}}}]
goal: {event: Any, where: {other: {entry: other}}, value: n}
if_active: restart
re_entry: {after: 1h}
steps:
  - {id: stand, wait: {event: Never}}
---
journey: plain
entry: {event: Any}
re_entry: always
if_active: restart
steps:
  - {id: stand, wait: {event: Never}}
"""

# PostgreSQL's JSON has no U+0000, and no text has half of a surrogate pair: ingest refuses both.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
LONG = st.builds(lambda letter, length: letter * length, st.sampled_from("a\u00e9\U0001f600"),
                 st.integers(200, 3_000))  # fmt: skip
MOMENT = st.sampled_from(
    ["2026-03-29T02:30:00", "0001-01-01", "9999-12-31T23:59:59Z", "24:00", "-1", "1e400", "NaN"]
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | LONG
    | MOMENT
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "0", "n"]), inner, max_size=2)
    ),
    max_leaves=5,
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["key", "n", "at", "other", *string.punctuation]), VALUE, max_size=5
)


async def test_an_entry_event_of_any_json_never_stops_dispatch(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, JOURNEYS)
    dispatcher = Dispatcher(pool, temporal_client, Catalog())
    cases: list[dict[str, Any]] = []

    # Hypothesis has no loop of its own: the cases are drawn first.
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(PROPERTIES)
    def draw(properties: dict[str, Any]) -> None:
        cases.append(properties)

    draw()
    victim = await make_contact(pool)
    async with pool.connection() as conn:
        for properties in cases:
            await accept_of_each(conn, [victim], "Any", orjson.dumps(properties).decode())
        # The oldest instants that a client may name, and one that Python's calendar lacks.
        await conn.execute("update event set client_at = '0001-01-01 00:00 BC' where id % 3 = 0")
        await conn.execute("update event set client_at = '0001-01-01' where id % 3 = 1")
    other = await make_contact(pool)
    async with pool.connection() as conn:
        await accept_of_each(conn, [other], "Any", '{"n": 1}')
    await dispatcher.drain()
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select (select count(*) from outbox), (select count(*) from dead_event),"
            " (select count(*) from fault), (select count(*) from run where contact_id = %s)",
            (other,),
        )
        assert await cursor.fetchone() == (0, 0, 0, 1)
        cursor = await conn.execute(
            "select count(*) from (select entry_event_id from run where journey = 'plain'"
            " union all select event_id from refusal where journey = 'plain') taken"
        )
        assert await cursor.fetchone() == (len(cases) + 1,)


async def test_an_event_that_cannot_be_read_is_set_aside_alone(
    pool: Pool, temporal_client: Client
) -> None:
    await activate(pool, JOURNEYS)
    dispatcher = Dispatcher(pool, temporal_client, Catalog())
    victim, other = await make_contact(pool), await make_contact(pool)
    async with pool.connection() as conn:
        # More digits than Python reads.
        await accept_of_each(conn, [victim], "Any", '{"n": 1e5000}')
        await accept_of_each(conn, [other], "Any", '{"n": 1}')
    await dispatcher.drain()
    async with pool.connection() as conn:
        cursor = await conn.execute("select contact_id from run")
        assert await cursor.fetchall() == [(other,)]
        cursor = await conn.execute("select contact_id, attempts from outbox")
        assert await cursor.fetchall() == [(victim, 1)]
        cursor = await conn.execute("select contact_id, code from fault")
        assert await cursor.fetchall() == [(victim, "internal")]

"""How PostgreSQL looks for a contact's events: by their index, and no longer than it must."""

import json
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.conditions import Predicate, compile_condition
from store.sql import Sql
from tests.support.situations import CONDITION, Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    """A contact with 10,000 events among 60,000."""
    made = Situation(pool)
    await made.write_contact()
    await made.write_run()
    await made.execute(
        "insert into event (contact_id, name, properties, message_id)"
        " select case when mod(n, 6) = 0 then %s else md5(mod(n, 3000)::text)::uuid end,"
        " case when mod(n, 4) = 0 then 'Page Viewed' else 'Order Completed' end,"
        " jsonb_build_object('total', mod(n, 100)), n::text from generate_series(1, 60000) n",
        made.contact,
    )  # fmt: skip
    await made.execute("analyze event")
    return made


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


async def explain(
    situation: Situation, predicate: Predicate, expression: Sql
) -> list[dict[str, Any]]:
    """The nodes of the executed plan of an expression of the predicate that read events."""
    async with situation.pool.connection() as conn:
        cursor = await conn.execute(
            "explain (analyze, format json, timing off)"
            f" select {expression} from run r join contact c on c.id = r.contact_id"
            " where r.id = %(run)s".encode(),
            {**predicate.params, "run": situation.run},
        )
        row = await cursor.fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "event"]


@pytest.mark.parametrize(
    ("condition", "most"),
    [
        ({"event": "Order Completed"}, 1),
        ({"event": "Order Completed", "count": {"gte": 5}}, 5),
        ({"event": "Order Completed", "count": {"gte": 5}, "within": "1d"}, 5),
        ({"event": "Order Completed", "count": 0}, 1),
        ({"event": "Never Seen"}, 0),
        ({"event": "Order Completed", "sum": {"total": {"gte": 500}}}, 10_000),
    ],
)
async def test_events_are_found_by_their_index(
    situation: Situation, condition: dict[str, Any], most: int
) -> None:
    predicate = compile_condition(CONDITION.validate_python(condition))
    (read,) = await explain(situation, predicate, predicate.sql)
    assert read["Node Type"] in ("Index Scan", "Bitmap Heap Scan")
    assert read["Actual Rows"] * read["Actual Loops"] <= most
    if read["Node Type"] == "Index Scan":
        assert read["Index Name"] == "event_by_time"
    assert read.get("Rows Removed by Filter", 0) == 0


async def test_the_next_instant_is_found_by_an_index_of_the_contacts_events(
    situation: Situation,
) -> None:
    bounds: list[dict[str, Any]] = [
        {"within": "24h"},
        {"within": "1mo", "count": {"gte": 5}},
        {"within": "30d", "sum": {"total": {"gte": 500}}},
        {"since": "today"},
        {"before": "-30d"},
    ]
    for each in bounds:
        condition = CONDITION.validate_python({"event": "Page Viewed", **each})
        predicate = compile_condition(condition)
        assert predicate.next_change is not None
        read = await explain(situation, predicate, predicate.next_change)
        assert {node["Node Type"] for node in read} <= {"Index Scan", "Bitmap Heap Scan"}
        assert all(node.get("Index Name", "event_by_time") == "event_by_time" for node in read)

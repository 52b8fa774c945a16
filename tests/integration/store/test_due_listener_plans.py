"""Statements about due conditions: they read what is due, however many conditions are not."""

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.sql import Sql
from store.waits import due_listeners

Pool = AsyncConnectionPool[AsyncConnection[Any]]

LISTENING = (
    (
        "insert into contact (id, external_id)"
        " select gen_random_uuid(), n::text from generate_series(1, 5000) n"
    ),
    (
        "insert into run (id, journey, version, contact_id, entry_ref, ref)"
        " select gen_random_uuid(), 'any', 1, id, 0, 0 from contact"
    ),
    (
        "insert into listener (run_id, visit, slot, contact_id, ref, due_at, catalog_revision)"
        " select id, 0, 0, contact_id, 0, parcours.clock() + interval '1 day', 9 from run"
    ),
    "analyze",
)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (due_listeners._TAKE, "listener_due"),
        (due_listeners._NEXT, "listener_due"),
        (due_listeners._BY_CATALOG, "listener_on_catalog"),
        (due_listeners._BY_EVENTS, "listener_by_contact"),
    ],
)
async def test_what_is_not_due_is_not_read(pool: Pool, query: Sql, index: str) -> None:
    async with pool.connection() as conn:
        for each in LISTENING:
            await conn.execute(each.encode())
        cursor = await conn.execute(
            f"explain (analyze, format json) {query}".encode(),
            {"limit": 100, "events": [1], "again": False},
        )
        row = await cursor.fetchone()
        assert row is not None
        nodes = list(scans(row[0][0]["Plan"]))
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
        found = [node for node in nodes if node.get("Index Name") == index]
        assert found
        # The instant is a condition of the index, not a filter of rows that were read.
        read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in found]
        assert sum(read) <= 1


def scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan that read the table of listeners."""
    found = [node] if node.get("Relation Name") == "listener" else []
    return found + [each for child in node.get("Plans", []) for each in scans(child)]

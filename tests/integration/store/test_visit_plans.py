"""The contacts of clicked messages are found by indexes among many."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events.link_hits import UNTRACKED
from store.events.visits import _CONTACTS, read_visited
from store.sql import fetch_column, sql

Pool = AsyncConnectionPool[AsyncConnection[Any]]

CROWD = (
    "insert into contact (id) select md5('c' || n)::uuid from generate_series(1, 20000) n",
    (
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
        " select md5('m' || n)::uuid, md5('r' || n)::uuid, 1, 'send', md5('c' || n)::uuid, 'email',"
        " 'sent', '' from generate_series(1, 20000) n"
    ),
    "analyze contact, message",
)


@pytest.mark.parametrize("count", [1, 100])
async def test_clicked_messages_are_found_by_their_ids(pool: Pool, count: int) -> None:
    async with pool.connection() as conn:
        for statement in CROWD:
            await conn.execute(statement.encode())
        cursor = await conn.execute(
            "select md5('m' || n)::uuid, md5('c' || n)::uuid from generate_series(1, %s) n",
            (count,),
        )
        expected: dict[UUID, UUID] = dict(await cursor.fetchall())
        assert await read_visited(conn, expected.keys()) == expected
        parameters = {"messages": list(expected), "untracked": UNTRACKED}
        plan = await fetch_column(conn, sql("explain {query}", query=_CONTACTS), parameters)
    assert not [line for line in plan if "Seq Scan" in line], "\n".join(plan)

"""The catalogue of attributes, of more contacts than are read."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.contacts import attribute_catalog
from store.contacts.attribute_catalog import read_attribute_catalog

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def test_of_many_contacts_a_sample_is_read_and_the_counts_are_near(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribute_catalog, "READ_ALL", 2_000)
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id, attributes) select uuidv7(), n::text,"
            " jsonb_build_object('n', n, case when n %% 4 = 0 then 'quarter' else 'rest' end, true)"
            " from generate_series(1, 20000) n".replace("%%", "%").encode()
        )
        await conn.execute("analyze contact")
        found = await read_attribute_catalog(conn, 1)
        assert await read_attribute_catalog(conn, 1) == found
    assert (found.contacts, found.exact) == (20_000, False)
    assert 1_000 < found.read < 4_000
    counts = {each.name: each.contacts for each in found.entries}
    assert counts["n"] == 20_000
    assert abs(counts["quarter"] - 5_000) < 500
    assert [each.types for each in found.entries if each.name == "n"] == [["number"]]

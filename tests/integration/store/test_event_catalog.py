"""The catalogue of events, of more events than are read."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.events import event_catalog
from store.events.event_catalog import read_event_catalog

Pool = AsyncConnectionPool[AsyncConnection[Any]]

FILLED = """
insert into event (contact_id, name, properties, message_id)
select md5('c')::uuid, case when n <= 10000 then 'Old' else 'New' end,
       jsonb_build_object('n', n), 'm' || n
from generate_series(1, 40000) n
"""


async def test_of_many_events_the_latest_and_a_sample_are_read(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_catalog, "SAMPLE", 4_000)
    async with pool.connection() as conn:
        await conn.execute(FILLED)
        await conn.execute("analyze event")
        found = await read_event_catalog(conn, 1)
        assert await read_event_catalog(conn, 1) == found
    assert list(found) == ["New", "Old"]
    # All of the latest are new; of the sample, a tenth of the pages, about a quarter is old.
    assert 300 < found["Old"].seen < 2_000
    assert 4_000 < found["New"].seen < 9_000
    [number] = found["Old"].properties
    assert (number.name, number.types) == ("n", ["number"])
    assert len(number.examples) == 3

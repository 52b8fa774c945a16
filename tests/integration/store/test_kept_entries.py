"""Kept entries follow their contact: through a merge, and until it is erased."""

from __future__ import annotations

from functools import partial
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.entries.kept_entries import NewKeptEntry, keep_entries
from store.events.contact_merging import merge_contacts
from store.events.transactions import repeating
from tests.support.engine import make_contact
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def kept(pool: Pool) -> list[tuple[Any, ...]]:
    """Contact, journey, key and event of each kept entry."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select contact_id, journey, key, event_id from kept_entry order by journey, key"
        )
        return await cursor.fetchall()


async def test_a_merged_contact_keeps_the_newest_entry_of_each_key(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into journey (key, state) values ('a', 'paused'), ('b', 'paused')"
        )
    older = await make_contact(pool, external_id="older")
    other = await make_contact(pool, external_id="other")
    async with pool.connection() as conn, conn.transaction():
        first = [
            NewKeptEntry("a", older, "x", 5), NewKeptEntry("a", other, "x", 7),
            NewKeptEntry("a", other, "y", 2), NewKeptEntry("b", older, "", 9),
            NewKeptEntry("b", other, "", 3),
        ]  # fmt: skip
        assert await keep_entries(conn, first) == []
        # The older of two events of one key is refused, in whichever order they come.
        again = [NewKeptEntry("a", older, "x", 6), NewKeptEntry("b", older, "", 8)]
        refused = await keep_entries(conn, again)
        assert {(each.journey, each.event_id, each.code) for each in refused} == {
            ("a", 5, "paused"), ("b", 8, "paused"),
        }  # fmt: skip
        # The same event once more changes nothing.
        assert await keep_entries(conn, [NewKeptEntry("a", older, "x", 6)]) == []
    await repeating(pool, partial(merge_contacts, references=("older", "other"), reason=None))
    assert await kept(pool) == [
        (older, "a", "x", 7), (older, "a", "y", 2), (older, "b", "", 9),
    ]  # fmt: skip
    async with pool.connection() as conn, conn.transaction():
        await erase(conn, older)
    assert await kept(pool) == []

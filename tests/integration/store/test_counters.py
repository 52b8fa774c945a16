"""Counters: the functions that a migrated database has, folding, and days."""

import re
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.counters.contributions import columns_of, contributions, rows_of
from store.counters.facts import SOURCES
from store.counters.triggers import functions, triggers
from store.migrations import upgrade

MIGRATIONS = Path(upgrade.__file__).parent / "versions"
CONSTANT = {
    "visit": {"run_id", "visit", "kind", "started_at"},
    "message": {"channel", "claimed_at"},
    "run": {"started_at"},
    "goal": {"version", "step"},
    "link_hit": {"kind", "url", "happened_at"},
}
"""Columns that no statement changes, or none alone."""
Pool = AsyncConnectionPool[AsyncConnection[Any]]


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("%%", "%")).strip().removesuffix(";").strip()


async def test_a_migrated_database_counts_by_the_facts_of_the_registry(pool: Pool) -> None:
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select pg_get_functiondef(oid) from pg_proc"
            " where pronamespace = 'parcours'::regnamespace and (proname like 'count%'"
            " or proname in ('mark_ended_run', 'keep_versions', 'place_goal'))"
        )
        found = {_words(row[0].split("$function$")[1]) for row in await cursor.fetchall()}
        assert found == {_words(str(each).split("$$")[1]) for each in functions()}
        cursor = await conn.execute(
            "select tgname, tgrelid::regclass::text from pg_trigger where not tgisinternal"
        )
        expected = {
            re.search(r"create trigger (\w+) .*? on (\w+)", _words(str(each))).groups()  # type: ignore[union-attr]
            for each in triggers()
        }
        assert expected <= set(await cursor.fetchall())


def test_migrations_count_the_rows_that_they_find_by_the_same_facts() -> None:
    written = [_words(each.read_text()) for each in sorted(MIGRATIONS.glob("*.sql"))]
    for table, source in SOURCES.items():
        for fact in source.facts:
            # The first query, by when it happened; a fact that came later is counted alone.
            counted = contributions(table, rows_of(table), facts=[fact])
            [values] = re.findall(rf"\('{fact.name}', .*\)(?= \) f\(fact)", _words(str(counted)))
            assert any(values in each for each in written), (table, fact.name)


def test_a_change_of_any_column_that_a_fact_reads_is_counted() -> None:
    for table, source in SOURCES.items():
        if source.columns:
            read = {
                column
                for fact in source.facts
                for text in (fact.when, fact.version, fact.step, fact.label, fact.at, fact.value)
                for column in columns_of(text)
            }
            assert read - {*source.columns, *CONSTANT[table]} == set(), table

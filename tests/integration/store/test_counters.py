"""Counters: the functions that a migrated database has, folding, and days."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from store.counters.contributions import columns_of, contributions, rows_of
from store.counters.facts import SOURCES
from store.counters.folding import fold, fold_all, unfolded
from store.counters.triggers import functions, triggers
from store.migrations import upgrade as upgrading
from store.migrations.upgrade import FigureSettings, config, upgrade
from tests.support.databases import cloning
from tests.support.servers import Servers

MIGRATIONS = Path(upgrading.__file__).parent / "versions"
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


# Of eight months; some have both times, some one alone.
DELTAS = """
insert into figure_delta (journey, version, step, fact, label, at, last_at, entered_at, count,
                          value, removed, targeted)
select 'j' || n % 7, 1, 's' || n % 5,
       (array['reached', 'outcome', 'goal', 'message_sent'])[n % 4 + 1], 'l' || n % 3,
       case when n % 11 <> 0 then t.at end,
       case when n % 11 = 1 then t.at + interval '3 minutes' end,
       case when n % 13 <> 0 then t.at - interval '2 days' end,
       case when n % 17 = 0 then -1 else 2 end,
       case when n % 4 = 2 then 1.5 else 0 end, n % 19 = 0,
       case when n % 44 = 3 then md5('c' || n % 100)::uuid end
from generate_series(1, {count}) n
cross join lateral (
    select timestamptz '{end}' - n % 25000 * interval '14 minutes' as at
) t
"""
END = datetime.now(UTC).replace(second=0, microsecond=0).isoformat()
FIGURES = """
select journey, span, cohort, removed, begins_at::text, version, step, fact, label, count, value,
       first_at, last_at, case when span = 'quarter' then begins_at end
from figure where fact <> 'due' order by 1, 2, 3, 4, 5, 6, 7, 8, 9
"""


async def test_a_fold_makes_no_counters_of_quarters_that_are_kept_no_more(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute(DELTAS.format(count=3_000, end=END).encode())
        await conn.execute("create temp table deltas as select * from figure_delta")
        await fold_all(conn, "Europe/Paris")
        whole = await (await conn.execute(FIGURES.encode())).fetchall()
        await conn.execute("truncate figure, targeted_contact")
        await conn.execute("insert into figure_delta select * from deltas")
        keep = timedelta(days=10)
        assert await fold(conn, "Europe/Paris", keep=keep) == 3_000
        found = await (await conn.execute(FIGURES.encode())).fetchall()
        await conn.execute("drop table deltas")
    kept = datetime.now(UTC) - keep
    expected = [row for row in whole if row[1] != "quarter" or row[-1] >= kept]
    assert 0 < len(expected) < len(whole)
    assert found == expected


async def test_a_migration_folds_many_deltas_as_the_workers_would(
    pool: Pool, servers: Servers
) -> None:
    zone, keep = "Europe/Paris", timedelta(days=90)
    with cloning(servers, "template1") as clones:
        url = clones.make()
        engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool
        )
        with engine.begin() as connection:
            command.upgrade(config(connection), "0044")
            connection.exec_driver_sql(DELTAS.format(count=50_000, end=END).replace("%", "%%"))
        engine.dispose()
        await asyncio.to_thread(upgrade, url, figures=FigureSettings(zone, keep))
        async with (
            await AsyncConnection.connect(url, autocommit=True) as migrated,
            pool.connection() as conn,
        ):
            assert await unfolded(migrated) == 0
            found = await (await migrated.execute(FIGURES.encode())).fetchall()
            cursor = await migrated.execute("select * from targeted_contact order by 1, 2")
            targeted = await cursor.fetchall()
            await conn.execute(DELTAS.format(count=50_000, end=END).encode())
            while await fold(conn, zone, limit=100_000, keep=keep):
                pass
            expected = await (await conn.execute(FIGURES.encode())).fetchall()
            cursor = await conn.execute("select * from targeted_contact order by 1, 2")
            assert targeted == await cursor.fetchall()
    # Both were folded within a few minutes: quarters of that age may be in one and not the other.
    edge = datetime.now(UTC) - keep
    found, expected = (
        [row for row in rows if row[1] != "quarter" or abs(row[-1] - edge) > timedelta(hours=1)]
        for rows in (found, expected)
    )
    assert len(found) > 10_000
    assert found == expected

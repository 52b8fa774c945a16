"""Counters of rows that no trigger has counted: a recount, written into them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg import AsyncConnection

from benchmarks.large.indexes import drop_indexes
from store.counters.contributions import contributions, rows_of
from store.counters.facts import SOURCES, CountedTable
from store.counters.spans import COUNTED, SPANS
from store.sql import Sql, execute, sql

_KEPT: Final = timedelta(days=90)
"""Quarters of an hour are kept for so long."""
_STANDING: Final = sql("""
insert into figure (journey, span, cohort, begins_at, version, step, fact, label, count)
select '', 'total', 'occurrence', '-infinity', 0, '', 'in_journeys', '',
       count(distinct contact_id) from run where state = 'active'
""")


def _bin(column: Sql) -> Sql:
    return sql(
        """
        case when c.{column} >= %(kept)s::timestamptz - interval '1 day'
             then date_bin('15 minutes', c.{column}, 'epoch')
             else date_trunc('day', c.{column}, %(zone)s) end
        """,
        column=column,
    )


def _statement(table: CountedTable) -> Sql:
    # Grouped by each of its times apart, and by whole days where no quarter is kept: so there are
    # far fewer groups than rows before the spans are made of them.
    return sql(
        """
        insert into figure (journey, span, cohort, begins_at, version, step, fact, label,
                            count, value, first_at, last_at)
        select g.journey, s.span, s.cohort, s.begins_at, g.version, g.step, g.fact, g.label,
               sum(g.count), sum(g.value), min(g.at) filter (where g.fact = 'outcome'),
               max(g.last_at) filter (where g.fact = 'outcome')
        from (
            select journey, version, step, fact, label,
                   case when grouping(happened) = 0 then min(at) end as at,
                   case when grouping(happened) = 0 then max(at) end as last_at,
                   case when grouping(entered) = 0 then min(entered_at) end as entered_at,
                   count(*) as count, sum(value) as value
            from (
                select c.*, {happened} as happened, {entered} as entered from ({counted}) c
            ) c
            group by grouping sets ((journey, version, step, fact, label, happened),
                                    (journey, version, step, fact, label, entered))
        ) g cross join lateral (select g.fact, g.at, g.entered_at) c
        {spans}
        where (s.span <> 'quarter' or s.begins_at >= %(kept)s::timestamptz) and {spanned}
        group by 1, 2, 3, 4, 5, 6, 7, 8
        """,
        counted=contributions(table, rows_of(table)),
        spans=SPANS,
        spanned=COUNTED,
        happened=_bin(sql("at")),
        entered=_bin(sql("entered_at")),
    )


async def count_rows(url: str, zone: str) -> None:
    """Fill the counters, whose days are those of `zone`, on two connections."""
    small: tuple[CountedTable, ...] = tuple(each for each in SOURCES if each != "visit")
    async with await AsyncConnection.connect(url, autocommit=True) as conn:
        # No two tables count the same fact, so there is no counter that both would write.
        again = await drop_indexes(conn, ["figure"])
        await asyncio.gather(_count(url, zone, ("visit",)), _count(url, zone, small))
        await conn.execute("set maintenance_work_mem = '512MB'")
        for _, made in again:
            await conn.execute(made.encode())
        await execute(conn, _STANDING, {})
        await conn.execute("vacuum (analyze) figure")


async def _count(url: str, zone: str, tables: tuple[CountedTable, ...]) -> None:
    async with await AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute("set work_mem = '512MB'")
        kept = datetime.now(UTC) - _KEPT
        for table in tables:
            await execute(conn, _statement(table), {"zone": zone, "kept": kept})

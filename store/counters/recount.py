"""A recount of all rows, to compare the counters with: figures are it and what was removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.counters.contributions import contributions, rows_of
from store.counters.facts import IN_JOURNEYS, SOURCES
from store.counters.spans import COUNTED, SPANS
from store.sql import Connection, fetch_all, join, sql, text_literal

_KEY = sql("journey, span, cohort, begins_at, version, step, fact, label")
_COUNTERS = sql(
    """
    select journey, span, cohort, begins_at, version, step, fact, label, removed, count, value
    from figure
    union all
    select c.journey, s.span, s.cohort, s.begins_at, c.version, c.step, c.fact, c.label,
           c.removed, c.count, c.value
    from figure_delta c {spans}
    where {spanned}
    """,
    spans=SPANS,
    spanned=COUNTED,
)
_ROWS = sql(
    """
    select c.journey, s.span, s.cohort, s.begins_at, c.version, c.step, c.fact, c.label,
           c.sign as count, c.value
    from ({counted}) c {spans} where {spanned}
    union all
    select '', 'total', 'occurrence', '-infinity', 0, '', {in_journeys}, '',
           count(distinct contact_id), 0
    from run where state = 'active'
    """,
    counted=join(" union all ", [contributions(table, rows_of(table)) for table in SOURCES]),
    spans=SPANS,
    spanned=COUNTED,
    in_journeys=text_literal(IN_JOURNEYS),
)
_DIFFERENCES = sql(
    """
    select {key}, sum(figures) as figures, sum(rows) as rows, sum(removed) as removed
    from (
        select {key}, case when removed then 0 else count end as figures, 0 as rows,
               case when removed then count else 0 end as removed,
               case when removed then -value else value end as value
        from ({counters}) c where fact <> 'targeted'
        union all
        select {key}, 0, count, 0, -value from ({rows}) r
    ) compared
    group by {key}
    having sum(figures) <> sum(rows) + sum(removed) or sum(value) <> 0
    order by {key} limit %(limit)s
    """,
    key=_KEY,
    counters=_COUNTERS,
    rows=_ROWS,
)
_NAMES = (
    "journey", "span", "cohort", "begins_at", "version", "step", "fact", "label", "figures", "rows",
    "removed",
)  # fmt: skip


async def differences(conn: Connection, zone: str, *, limit: int = 100) -> list[Mapping[str, Any]]:
    """Counters that are not a recount of the rows and what was removed; none, if all is well.

    It reads every row, so it is for tests and for a look at an installation that stands still.
    """
    found = await fetch_all(conn, _DIFFERENCES, {"zone": zone, "limit": limit})
    return [dict(zip(_NAMES, row, strict=True)) for row in found]

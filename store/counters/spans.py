"""The spans of time that a fact is counted in, by when it happened and by when its run began."""

from __future__ import annotations

from typing import Final

from store.counters.facts import DUE, IN_JOURNEYS, TARGETED
from store.sql import Sql, sql, text_literal

SPANS: Final[Sql] = sql(
    """
    cross join lateral (
        select * from (values
            ('total', 'occurrence', case when c.at is not null then '-infinity'::timestamptz end),
            ('day', 'occurrence', date_trunc('day', c.at, %(zone)s)),
            ('quarter', 'occurrence', date_bin('15 minutes', c.at, 'epoch')),
            ('day', 'entered', date_trunc('day', c.entered_at, %(zone)s)),
            ('quarter', 'entered', date_bin('15 minutes', c.entered_at, 'epoch'))
        ) each(span, cohort, begins_at)
        where begins_at is not null
    ) s
    """
)
"""For each row `c` with `at` and `entered_at`, the spans `s` that it falls into.

A row without one of the times counts by the other alone. All time is one span, whichever time
places the fact. A quarter of an hour is one in every zone.
"""

COUNTED: Final[Sql] = sql(
    """
    case c.fact when {in_journeys} then s.span = 'total'
                when {targeted} then s.span = 'day' and s.cohort = 'occurrence'
                when {due} then s.span = 'quarter' and s.cohort = 'occurrence'
                else true end
    """,
    in_journeys=text_literal(IN_JOURNEYS),
    targeted=text_literal(TARGETED),
    due=text_literal(DUE),
)
"""Whether the row `c` is counted in the span `s`; most facts are counted in all."""

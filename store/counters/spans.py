"""The spans of time that a fact is counted in, by when it happened and by when its run began."""

from __future__ import annotations

from typing import Final

from store.sql import Sql, sql

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

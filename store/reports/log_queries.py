"""Queries of the log: the newest rows of a source below a place, and the oldest above one.

All read a bounded number of rows by an index, but the rows of one contact, which are all read. What
else is asked of them is looked at among these rows, and a last row without `details` says how far
they go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from journeys.model.well_known_events import MESSAGE_EVENTS
from store.contacts.rows import OWN_ID
from store.reports.log_sources import LARGEST, NO_ID, SOURCES_BY_TIME, Source
from store.reports.log_types import LogSource
from store.sql import Sql, sql, text_list, text_literal


def _newest(source: Source, *, of_contact: bool = False) -> Sql:
    table, only = source.table, source.only
    if of_contact:
        assert source.of_contact is not None
        table, only = (
            source.of_contact[0],
            sql("{only} and {own}", only=source.only, own=source.of_contact[1]),
        )
    return sql(
        """
with scanned as materialized (
    select t.*, {at} as row_at, {id} as row_id, {n} as row_n
    from {table}
    where {only} and {within}
      and {at} <= coalesce(%(below_at)s::timestamptz, 'infinity')
      and ({at}, {id}, {n}) < (coalesce(%(below_at)s::timestamptz, 'infinity'),
                               %(below_id)s::uuid, %(below_n)s::bigint)
      and {at} >= coalesce(%(from)s::timestamptz, '-infinity')
    order by {at} desc, {id} desc, {n} desc limit %(depth)s
)
(select s.row_at as at, s.row_id as id, s.row_n as n, {details}::text as details
 from scanned s {joins}
 where {matching}
 order by s.row_at desc, s.row_id desc, s.row_n desc limit %(limit)s)
union all
(select row_at, row_id, row_n, null
 from (select row_at, row_id, row_n from scanned order by row_at, row_id, row_n limit 1) last
 where (select count(*) from scanned) >= %(depth)s)
""",
        table=table,
        only=only,
        within=source.within,
        at=source.at,
        id=source.id,
        n=source.n,
        details=source.details,
        joins=source.joins,
        matching=source.matching,
    )


def _oldest(source: Source) -> Sql:
    return sql(
        """
with scanned as materialized (
    select t.*, {at} as row_at, {id} as row_id, {n} as row_n
    from {table}
    where {only}
      and {at} >= %(above_at)s::timestamptz and {at} <= %(upto_at)s::timestamptz
      and ({at}, {id}, {n}) > (%(above_at)s::timestamptz, %(above_id)s::uuid, %(above_n)s::bigint)
      and ({at}, {id}, {n}) <= (%(upto_at)s::timestamptz, %(upto_id)s::uuid, %(upto_n)s::bigint)
    order by {at}, {id}, {n} limit %(limit)s
)
select s.row_at as at, s.row_id as id, s.row_n as n, {details}::text as details
from scanned s {joins}
order by s.row_at, s.row_id, s.row_n
""",
        table=source.table,
        only=source.only,
        at=source.at,
        id=source.id,
        n=source.n,
        details=source.details,
        joins=source.joins,
    )


# An event's message is found by its id, and the journey by the run of either.
_OF_EVENT: Final = sql(
    """
left join lateral (
    select m.id, m.run_id, m.visit, m.step from message m
    where s.name in ({names}) and m.id = case
        when s.properties ->> 'message_id' ~ {own_id}
        then (s.properties ->> 'message_id')::uuid end
    limit 1
) m on true
left join lateral (
    select journey, version from run where id = coalesce(s.run_id, m.run_id) limit 1
) r on true
""",
    names=text_list(sorted(MESSAGE_EVENTS)),
    own_id=text_literal(OWN_ID),
)
_EVENT: Final = sql(
    """
jsonb_build_object(
    'contact', s.contact_id, 'event', s.id, 'name', s.name, 'source', s.source,
    'occurred_at', s.occurred_at, 'cause', s.cause_id, 'run', coalesce(s.run_id, m.run_id),
    'journey', r.journey, 'version', r.version, 'message', m.id, 'visit', m.visit,
    'step', m.step,
    'properties', case when length(s.properties::text) <= {largest} then s.properties
                       else '{}'::jsonb end,
    'cut', length(s.properties::text) > {largest})
""",
    largest=LARGEST,
)
_MATCHING_EVENTS: Final = sql(
    """
(select s.stamped_at as at, {no_id} as id, s.id as n, {details}::text as details
 from scanned s {joins}
 where (%(names)s::text[] is null or s.name = any(%(names)s)) and s.name <> all(%(not_names)s)
   and s.stamped_at >= coalesce(%(from)s::timestamptz, '-infinity')
   and s.stamped_at < coalesce(%(to)s::timestamptz, 'infinity')
   and (%(journey)s::text is null or r.journey = %(journey)s)
 order by s.id desc limit %(limit)s)
union all
(select stamped_at, {no_id}, id, null
 from (select stamped_at, id from scanned order by id limit 1) last
 where (select count(*) from scanned) >= %(depth)s)
""",
    no_id=NO_ID,
    details=_EVENT,
    joins=_OF_EVENT,
)
NEWEST: Final[Mapping[LogSource, Sql]] = {
    "event": sql(
        """
with scanned as materialized (
    select t.* from event t where t.id < %(below)s and t.id > %(above)s
    order by t.id desc limit %(depth)s
)
{matching}
""",
        matching=_MATCHING_EVENTS,
    ),
    **{name: _newest(source) for name, source in SOURCES_BY_TIME.items()},
}
"""The newest rows of each source below a place (`below_…`; of events: an id), newest first."""
NEWEST_OF_CONTACT: Final[Mapping[LogSource, Sql]] = {
    # Its ids are in the index of its events; the planner would rather read all newer events.
    "event": sql(
        """
with own as materialized (
    select id from event where contact_id = %(contact)s
), scanned as materialized (
    select t.* from (
        select id from own where id < %(below)s and id > %(above)s order by id desc limit %(depth)s
    ) chosen cross join lateral (select * from event where event.id = chosen.id offset 0) t
)
{matching}
""",
        matching=_MATCHING_EVENTS,
    ),
    **{
        name: _newest(source, of_contact=True)
        for name, source in SOURCES_BY_TIME.items()
        if source.of_contact is not None
    },
}
"""The same of one contact."""
OLDEST: Final[Mapping[LogSource, Sql]] = {
    "event": sql(
        """
with scanned as materialized (
    select t.* from event t where t.id > %(above)s and t.id <= %(upto)s
    order by t.id limit %(limit)s
)
select s.stamped_at as at, {no_id} as id, s.id as n, {details}::text as details
from scanned s {joins} order by s.id
""",
        no_id=NO_ID,
        details=_EVENT,
        joins=_OF_EVENT,
    ),
    **{name: _oldest(source) for name, source in SOURCES_BY_TIME.items()},
}
"""The oldest rows of each source above a place and up to another (`above_…`, `upto_…`)."""

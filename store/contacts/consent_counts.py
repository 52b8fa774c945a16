"""How many contacts are subscribed to each topic, by the records of their consents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import QueryCanceled

from store.sql import Connection, execute, fetch_all, fetch_all_as, sql

_BOUND = sql("select set_config('statement_timeout', %(milliseconds)s, true)")
_COUNT = sql("""
select t.key as topic, t.document->>'default' as "default",
       coalesce(s.subscribed, 0) as subscribed, coalesce(s.pending, 0) as pending,
       coalesce(s.unsubscribed, 0) as unsubscribed,
       c.contacts - coalesce(s.recorded, 0) as unrecorded
from document t
cross join (select count(*) as contacts from contact) c
left join (
    select topic, count(*) as recorded,
           count(*) filter (where state = 'subscribed') as subscribed,
           count(*) filter (where state = 'pending') as pending,
           count(*) filter (where state = 'unsubscribed') as unsubscribed
    from topic_state group by topic
) s on s.topic = t.key
where t.kind = 'topic'
order by t.key
""")
_NOW = sql("select parcours.clock()")


@dataclass(frozen=True, slots=True)
class TopicConsents:
    """The contacts of a topic by the state that is recorded of them."""

    topic: str
    default: str
    """`opt_in`, `opt_out` or `double`."""
    subscribed: int
    pending: int
    unsubscribed: int
    unrecorded: int
    """Contacts without a record: by the default they are subscribed, or not."""


@dataclass(frozen=True, slots=True)
class ConsentCounts:
    """The consents of all topics, in the order of their keys."""

    at: datetime
    topics: Sequence[TopicConsents]


async def count_consents(conn: Connection, seconds: float) -> ConsentCounts | None:
    """The consents of all topics; None if counting takes longer.

    The caller is in no transaction.
    """
    try:
        async with conn.transaction():
            await execute(conn, _BOUND, {"milliseconds": str(int(seconds * 1000))})
            topics = await fetch_all_as(conn, TopicConsents, _COUNT)
            [(now,)] = await fetch_all(conn, _NOW)
    except QueryCanceled:
        return None
    return ConsentCounts(now, topics)

"""Dead events: those whose dispatch was given up, listed, dispatched again, or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.sql import Connection, fetch_all_as, fetch_column, sql

MOST: Final = 500
"""The most events of one call."""

_LIST = sql("""
select d.event_id, coalesce(c.external_id, c.id::text) as contact, e.name, d.code, d.detail,
       d.died_at, e.stamped_at as recorded_at, e.occurred_at
from (
    select * from dead_event
    where (%(contact)s::uuid is null or contact_id = %(contact)s)
      and (%(code)s::text is null or code = %(code)s)
      and (%(at)s::timestamptz is null or (died_at, event_id) < (%(at)s, %(event)s::bigint))
    order by died_at desc, event_id desc limit %(limit)s
) d
join contact c on c.id = d.contact_id
left join event e on e.id = d.event_id
order by d.died_at desc, d.event_id desc
""")
_CHOOSE = sql("""
select event_id from dead_event
where (%(events)s::bigint[] is null or event_id = any(%(events)s))
  and (%(code)s::text is null or code = %(code)s)
order by event_id limit %(limit)s
""")
# Its contact is locked, as for an event that is recorded. Of one that was removed meanwhile nothing
# is left to dispatch.
_REPLAY = sql("""
with locked as materialized (
    select id from contact where id in (
        select e.contact_id from event e where e.id = any(%(events)s)
    ) order by id for no key update
), removed as (
    delete from dead_event d using event e
    where d.event_id = any(%(events)s) and e.id = d.event_id and exists (select from locked)
    returning e.contact_id, e.id as event_id
), queued as (
    insert into outbox (contact_id, event_id)
    select contact_id, event_id from removed order by event_id
    on conflict do nothing
)
select event_id from removed order by event_id
""")
_DISMISS = sql("""
with removed as (
    delete from dead_event where event_id = any(%(events)s) returning event_id
)
select event_id from removed order by event_id
""")


@dataclass(frozen=True, slots=True)
class DeadEventRow:
    """An event whose dispatch was given up, and why."""

    event_id: int
    contact: str
    """The external id, or else our own."""
    name: str | None
    """None: the event itself was removed."""
    code: str
    detail: str
    died_at: datetime
    recorded_at: datetime | None
    occurred_at: datetime | None


async def list_dead_events(
    conn: Connection,
    *,
    contact: UUID | None,
    code: str | None,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[DeadEventRow]:
    """Dead events, those given up last first."""
    at, event = before or (None, None)
    wanted = {"contact": contact, "code": code, "at": at, "event": event, "limit": limit}
    return await fetch_all_as(conn, DeadEventRow, _LIST, wanted)


async def choose_dead_events(
    conn: Connection, *, events: Sequence[int] | None, code: str | None, limit: int
) -> list[int]:
    """The ids of dead events, the oldest first: of these, or of this code, or all."""
    wanted = {
        "events": None if events is None else list(events),
        "code": code,
        "limit": limit,
    }
    return await fetch_column(conn, _CHOOSE, wanted)


async def replay_dead_events(conn: Connection, events: Sequence[int]) -> list[int]:
    """Dispatch dead events again, in the caller's transaction; the ids of those that are.

    What an event's dispatch had done before is not done once more. Later events of its
    contact are dispatched already: it begins runs, and ends no wait that began after it.
    """
    return await fetch_column(conn, _REPLAY, {"events": list(events)})


async def dismiss_dead_events(conn: Connection, events: Sequence[int]) -> list[int]:
    """Give dead events up for good, in the caller's transaction; the ids of those that were dead.

    The events themselves stay: conditions and segments see them.
    """
    return await fetch_column(conn, _DISMISS, {"events": list(events)})

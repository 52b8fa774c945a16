"""Listing of faults: what has one, since when, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from store.sql import Connection, fetch_all_as, sql

FaultState = Literal["retrying", "given_up", "recorded"]
"""`recorded`: nothing is planned for it, because it is over, or because its part goes on anyway."""

# A fault that lasts is a row once an hour. The newest row of its subject, part and code stands for
# all of them.
_LIST: Final = sql("""
select f.id, f.subject, f.activity, f.code, f.detail, f.happened_at,
       first.happened_at as since, f.run_id, f.visit, r.journey,
       coalesce(c.external_id, c.id::text) as contact, f.event_id,
       coalesce(send.attempts, called.attempts, looked.attempts, dispatched.attempts)::int
           as attempts,
       coalesce(send.next, called.next, looked.next, dispatched.next) as next_try_at,
       case when coalesce(send.next, called.next, looked.next, dispatched.next) is not null
                then 'retrying'
            when exists (select from dead_event d where d.event_id = f.event_id) then 'given_up'
            else 'recorded' end as state
from fault f
cross join lateral (
    select min(o.happened_at) as happened_at from fault o
    where o.subject = f.subject and o.activity = f.activity and o.code = f.code
) first
left join run r on r.id = f.run_id
left join event e on e.id = f.event_id
left join contact c on c.id = coalesce(f.contact_id, r.contact_id, e.contact_id)
left join lateral (
    select coalesce((v.facts->>'faults')::int, m.attempts) as attempts, v.due_at as next
    from visit v left join message m on m.run_id = v.run_id and m.visit = v.visit
    where v.run_id = f.run_id and v.visit = f.visit and v.held = 'retry' and v.outcome is null
      and v.facts->>'fault' = f.code
) send on true
left join lateral (
    select p.attempts, p.not_before as next from parked_call p
    where p.run_id = f.run_id and p.kind = f.activity and p.visit = coalesce(f.visit, 0)
) called on true
left join lateral (
    select max(l.attempts) as attempts, min(l.due_at) as next from listener l
    where f.activity = 'due_times' and l.run_id = f.run_id and l.visit = f.visit and l.attempts > 0
) looked on true
left join lateral (
    select o.attempts, o.not_before as next from outbox o
    where o.event_id = f.event_id and o.attempts > 0
) dispatched on true
where not exists (
    select from fault o where o.subject = f.subject and o.happened_at >= f.happened_at
    and o.id > f.id and o.activity = f.activity and o.code = f.code
)
and (%(contact)s::uuid is null or c.id = %(contact)s)
and (%(subject)s::text is null or f.subject = %(subject)s)
and (%(code)s::text is null or f.code = %(code)s)
and (%(before)s::bigint is null or f.id < %(before)s)
order by f.id desc limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class ListedFault:
    """What went wrong at the smallest thing that has it, in one part and by one code."""

    id: int
    subject: str
    activity: str
    """The activity, or the part of a worker."""
    code: str
    detail: str
    """The newest words of it."""
    happened_at: datetime
    """When it was last recorded: once an hour while it lasts."""
    since: datetime
    run_id: UUID | None
    visit: int | None
    journey: str | None
    """Of the run."""
    contact: str | None
    """The external id, or else our id."""
    event_id: int | None
    attempts: int | None
    """How often it was tried; None unless it is tried again."""
    next_try_at: datetime | None
    state: FaultState


async def list_faults(
    conn: Connection,
    *,
    contact: UUID | None,
    subject: str | None,
    code: str | None,
    before: int | None,
    limit: int,
) -> list[ListedFault]:
    """Faults, the newest first, those with an id below `before`."""
    return await fetch_all_as(
        conn,
        ListedFault,
        _LIST,
        {
            "contact": contact,
            "subject": subject,
            "code": code,
            "before": before,
            "limit": limit,
        },
    )

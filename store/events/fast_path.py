"""The plain case of ingest, in one statement: people who did things without a meaning.

It is what nearly every call is. Whatever else turns up (a zone to fill in, a limit that is near)
leaves everything untouched and is for `store.events.ingest` to take in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from store.events.items import Accepted, Item, Rejected
from store.tables.identifiers import new_id

# Nothing is drawn or written before every known contact is locked: `allowed` counts them. The
# statement's snapshot is older than its locks, so it decides by nothing else that might have
# changed: repeated message ids, and contacts that others made meanwhile, are for unique indexes.
_TAKE = """
with wanted as materialized (
    select g.*
    from json_to_recordset(%(contacts)s::json)
        as g(external_id text, new_id uuid, items int, timezone bool, locale bool)
),
locked as materialized (
    select c.id, c.external_id, c.timezone, c.locale,
           case when c.window_started_at > parcours.clock() - interval '1 minute'
                then c.window_events else 0 end as used
    from contact c
    where c.external_id = any(%(external)s)
    order by c.id
    for no key update of c
),
allowed as materialized (
    select (select count(*) from locked) >= 0 and not exists (
        select from wanted w left join locked l on l.external_id = w.external_id
        where coalesce(l.used, 0) + w.items > %(limit)s
           or (w.timezone and l.timezone is null) or (w.locale and l.locale is null)
    ) as all_of_it
),
about as materialized (
    select w.external_id, coalesce(l.id, w.new_id) as id, l.id is null as fresh
    from allowed
    cross join wanted w
    left join locked l on l.external_id = w.external_id
    where allowed.all_of_it
),
made as (
    insert into event (contact_id, name, properties, message_id, occurred_at, original_at)
    select a.id, g.name, g.properties, g.message_id, g.occurred_at, g.original_at
    from json_to_recordset(%(events)s::json) as g(
        n int, external_id text, name text, properties jsonb, message_id text,
        occurred_at timestamptz, original_at timestamptz)
    join about a on a.external_id = g.external_id
    where not exists (select from receipt r where r.message_id = g.message_id)
    order by g.n
    on conflict (message_id) do nothing
    returning id, contact_id, message_id
),
queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
),
counted as (
    select contact_id, max(id) as newest, count(*)::int as items from made group by contact_id
),
created as (
    insert into contact (id, external_id, last_event_id, window_started_at, window_events)
    select a.id, a.external_id, coalesce(m.newest, 0), parcours.clock(), coalesce(m.items, 0)
    from about a left join counted m on m.contact_id = a.id
    where a.fresh order by a.external_id
),
kept as (
    update contact c set
        last_event_id = greatest(c.last_event_id, m.newest),
        window_started_at = case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_started_at else parcours.clock() end,
        window_events = m.items + case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_events else 0 end
    from counted m
    join about a on a.id = m.contact_id and not a.fresh
    where c.id = m.contact_id
)
select allowed.all_of_it, (select array_agg(message_id) from made) from allowed
"""


@dataclass(slots=True)
class _Wanted:
    external_id: str
    new_id: UUID
    """If it is not known yet."""
    items: int = 0
    timezone: bool = False
    """A call could fill it in."""
    locale: bool = False


def is_simple(items: Sequence[Item]) -> bool:
    """Whether every item is an event without a meaning of somebody with an external id."""
    return all(
        item.kind == "track" and item.user_id is not None and item.meant is None for item in items
    )


async def accept_simple_tracks(
    conn: AsyncConnection[Any], items: Sequence[Item], *, limit_per_minute: int
) -> list[Accepted | Rejected] | None:
    """Take plain items, all of them, or None and nothing has happened.

    One statement, so a connection in autocommit needs no transaction around it. Raises
    psycopg.errors.UniqueViolation, and nothing has happened, if somebody else is making one of the
    contacts at this moment.
    """
    contacts: dict[str, _Wanted] = {}
    rows: list[dict[str, Any]] = []
    for n, item in enumerate(items):
        external_id = item.user_id or ""
        wanted = contacts.get(external_id)
        if wanted is None:
            wanted = contacts[external_id] = _Wanted(external_id, new_id())
        wanted.items += 1
        wanted.timezone |= "timezone" in item.filling
        wanted.locale |= "locale" in item.filling
        rows.append(
            {
                "n": n,
                "external_id": external_id,
                "name": item.name,
                "properties": item.properties,
                "message_id": item.message_id,
                "occurred_at": item.occurred_at,
                "original_at": item.original_at,
            }
        )
    cursor = await conn.execute(
        _TAKE,
        {
            "contacts": orjson.dumps(list(contacts.values())).decode(),
            "external": list(contacts),
            "limit": limit_per_minute,
            "events": orjson.dumps(rows).decode(),
        },
    )
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return None
    new = set(row[1] or ())
    answers: list[Accepted | Rejected] = []
    for item in items:
        answers.append(Accepted(item.message_id, new=item.message_id in new))
        # Within a batch, too, a repeated id counts once.
        new.discard(item.message_id)
    return answers

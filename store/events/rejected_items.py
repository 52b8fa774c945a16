"""Rejected tracking calls: kept, so that an operator can see and replay them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_all_as, fetch_one_as, sql, statement
from store.tables.events import RejectedItem

MINUTE_LIMIT: Final = 100
"""The most calls of a source that are kept in a minute."""
DAY_LIMIT: Final = 5_000
"""The most calls of a source that are kept in a day."""

_KEEP = sql("""
with room as (
    select least(
        %(minute)s - (select count(*) from rejected_item where source = %(source)s
                      and received_at > parcours.clock() - interval '1 minute'),
        %(day)s - (select count(*) from rejected_item where source = %(source)s
                   and received_at > parcours.clock() - interval '1 day')
    ) as rows
)
insert into rejected_item (source, key_id, reference, name, code, message, field, body, whole)
select %(source)s, %(key)s, g.reference, g.name, g.code, g.message, g.field, g.body, g.whole
from json_to_recordset(%(items)s::json) as g(
    n int, reference text, name text, code text, message text, field text, body text, whole bool)
where g.n < (select rows from room)
order by g.n
""")
# A rejected call has the id `item.N`, a refused entry `entry.EVENT.JOURNEY`.
_LIST = sql("""
select * from (
    (select 'item.' || i.id as id, 'item' as kind, i.received_at as at, i.source,
            i.reference as contact, i.name as event, null::text as journey, i.code, i.message,
            i.field, case when i.whole then i.body end as body, i.replayed_at
     from rejected_item i
     where (%(contact)s::text is null or i.reference = %(contact)s)
     and (%(code)s::text is null or i.code = %(code)s)
     and (%(name)s::text is null or i.name = %(name)s)
     and (%(at)s::timestamptz is null
          or (i.received_at, 'item.' || i.id) < (%(at)s::timestamptz, %(after)s))
     order by i.received_at desc, 'item.' || i.id desc limit %(limit)s)
    union all
    (select 'entry.' || f.event_id || '.' || f.journey, 'entry', f.refused_at, e.source,
            coalesce(c.external_id, c.id::text), e.name, f.journey, f.code, null, null, null,
            f.replayed_at
     from refusal f join event e on e.id = f.event_id join contact c on c.id = f.contact_id
     where f.refused_at > parcours.clock() - interval '14 days'
     and (%(contact)s::text is null or f.contact_id = %(contact_id)s)
     and (%(code)s::text is null or f.code = %(code)s)
     and (%(name)s::text is null or e.name = %(name)s)
     and (%(at)s::timestamptz is null
          or (f.refused_at, 'entry.' || f.event_id || '.' || f.journey)
             < (%(at)s::timestamptz, %(after)s))
     order by f.refused_at desc, 'entry.' || f.event_id || '.' || f.journey desc
     limit %(limit)s)
) rejected
order by at desc, id desc limit %(limit)s
""")
_READ = sql("select id, source, body, whole, replayed_at from rejected_item where id = %(id)s")
_REPLAYED = statement(
    update(RejectedItem)
    .where(col(RejectedItem.id) == bindparam("item"))
    .values(replayed_at=func.parcours.clock())
)


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A call that is to be kept: what it was, and why it was rejected."""

    reference: str | None
    name: str
    code: str
    message: str
    body: str
    whole: bool
    field: str | None = None


@dataclass(frozen=True, slots=True)
class ListedRejection:
    """A rejected call, or a refused entry."""

    id: str
    kind: str
    """`item` or `entry`."""
    at: datetime
    source: str
    contact: str | None
    event: str
    journey: str | None
    code: str
    message: str | None
    field: str | None
    body: str | None
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A rejected call as it is replayed."""

    id: int
    source: str
    body: str
    whole: bool
    replayed_at: datetime | None


async def keep_rejected(
    conn: Connection, source: str, key_id: UUID | None, items: Sequence[KeptItem]
) -> None:
    """Keep rejected calls of a source, in one statement. Those beyond its limits are dropped."""
    rows = [{"n": n, **asdict(item)} for n, item in enumerate(items[:MINUTE_LIMIT])]
    await execute(
        conn,
        _KEEP,
        {
            "source": source,
            "key": key_id,
            "items": orjson.dumps(rows).decode(),
            "minute": MINUTE_LIMIT,
            "day": DAY_LIMIT,
        },
    )


async def list_rejected(
    conn: Connection,
    *,
    contact: str | None,
    contact_id: UUID | None,
    code: str | None,
    name: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[ListedRejection]:
    """Rejected calls and refused entries that are still kept, the newest first."""
    return await fetch_all_as(
        conn,
        ListedRejection,
        _LIST,
        {
            "contact": contact,
            "contact_id": contact_id,
            "code": code,
            "name": name,
            "at": before[0] if before else None,
            "after": before[1] if before else None,
            "limit": limit,
        },
    )


async def read_rejected(conn: Connection, item_id: int) -> StoredItem | None:
    """A rejected call; None if there is none."""
    return await fetch_one_as(conn, StoredItem, _READ, {"id": item_id})


async def mark_replayed(conn: Connection, item_id: int) -> None:
    """Record that a rejected call was replayed and accepted."""
    await execute(conn, _REPLAYED, {"item": item_id})

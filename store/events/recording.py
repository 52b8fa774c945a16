"""Recording events under their contacts' locks: ids, outbox and contacts in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection

from store.contacts.rows import LockedContact
from store.events.effects import EffectCandidate, EventEffects, has_effects


class ConcurrentChange(Exception):
    """Another transaction made the same contact or event meanwhile: roll back and begin again."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event of a known contact, to be recorded."""

    name: str
    properties: dict[str, Any]
    message_id: str | None = None
    """What it is told apart by; made if it is None."""
    depth: int = 0
    """Enters and emits since the outside event that began the chain."""
    run_id: UUID | None = None
    """The one run that sees it; None for an event of the contact at large."""


@dataclass(slots=True)
class PendingEvent:
    """A row of `event` before it is written."""

    contact_id: UUID
    name: str
    properties: orjson.Fragment
    message_id: str
    occurred_at: datetime | None = None
    original_at: datetime | None = None
    run_id: UUID | None = None
    depth: int = 0


# Ids are drawn in the order of `n`, under locks that the caller holds; the outbox, new contacts and
# changed ones go along, so that a batch costs one statement whatever its size.
_WRITE = """
with given as (
    select * from json_to_recordset(%(events)s::json) as g(
        n int, contact_id uuid, name text, properties jsonb, message_id text,
        occurred_at timestamptz, original_at timestamptz, run_id uuid, depth smallint)
),
made as (
    insert into event (contact_id, name, properties, message_id, occurred_at, original_at, run_id,
                       depth)
    select contact_id, name, properties, message_id, occurred_at, original_at, run_id,
           coalesce(depth, 0::smallint)
    from given order by n
    on conflict (message_id) do nothing
    returning id, contact_id, message_id
),
queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
),
newest as (
    select contact_id, max(id) as id from made group by contact_id
),
touched as (
    select g.*, coalesce(newest.id, 0) as newest
    from json_to_recordset(%(contacts)s::json) as g(
        id uuid, "new" bool, "changed" bool, external_id text, email text, phone text,
        timezone text, locale text, country text, score float8, lifecycle text, attributes jsonb,
        used int)
    left join newest on newest.contact_id = g.id
),
created as (
    insert into contact (id, external_id, email, phone, timezone, locale, country, score,
                         lifecycle, attributes, last_event_id, window_started_at, window_events)
    select id, external_id, email, phone, timezone, locale, country, score, lifecycle, attributes,
           newest, parcours.clock(), used
    from touched where "new" order by external_id
    on conflict (external_id) do nothing
    returning 1
),
kept as (
    update contact c set
        last_event_id = greatest(c.last_event_id, t.newest),
        window_started_at = case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_started_at else parcours.clock() end,
        window_events = t.used,
        external_id = case when t."changed" then t.external_id else c.external_id end,
        email = case when t."changed" then t.email else c.email end,
        phone = case when t."changed" then t.phone else c.phone end,
        timezone = case when t."changed" then t.timezone else c.timezone end,
        locale = case when t."changed" then t.locale else c.locale end,
        country = case when t."changed" then t.country else c.country end,
        score = case when t."changed" then t.score else c.score end,
        lifecycle = case when t."changed" then t.lifecycle else c.lifecycle end,
        attributes = case when t."changed" then t.attributes else c.attributes end,
        updated_at = case when t."changed" then parcours.clock() else c.updated_at end
    from touched t where c.id = t.id and not t."new"
)
select (select count(*) from made), (select count(*) from created)
"""


async def write_pending(
    conn: AsyncConnection[Any],
    events: Sequence[PendingEvent],
    contacts: Iterable[LockedContact],
) -> None:
    """Store events in order, with their outbox rows and their contacts' new state.

    Raises Contended if one of the contacts or events exists meanwhile.
    """
    rows = [_contact_row(contact) for contact in contacts]
    fresh = sum(1 for row in rows if row["new"])
    cursor = await conn.execute(
        _WRITE,
        {
            "events": orjson.dumps(
                [
                    {
                        "n": n,
                        "contact_id": event.contact_id,
                        "name": event.name,
                        "properties": event.properties,
                        "message_id": event.message_id,
                        "occurred_at": event.occurred_at,
                        "original_at": event.original_at,
                        "run_id": event.run_id,
                        "depth": event.depth,
                    }
                    for n, event in enumerate(events)
                ]
            ).decode(),
            "contacts": orjson.dumps(rows).decode(),
        },
    )
    row = await cursor.fetchone()
    if row != (len(events), fresh):
        raise ConcurrentChange


def _contact_row(contact: LockedContact) -> dict[str, Any]:
    if not (contact.new or contact.changed):
        return {"id": contact.id, "new": False, "changed": False, "used": contact.window_used}
    return {
        "id": contact.id,
        "new": contact.new,
        "changed": contact.changed,
        "external_id": contact.external_id,
        "email": contact.email,
        "phone": contact.phone,
        "timezone": contact.timezone,
        "locale": contact.locale,
        "country": contact.country,
        "score": contact.score,
        "lifecycle": contact.lifecycle,
        "attributes": orjson.Fragment(orjson.dumps(contact.attributes)),
        "used": contact.window_used,
    }


_RECORD = """
with given as (
    select * from json_to_recordset(%s::json) as g(
        n int, contact_id uuid, name text, properties jsonb, message_id text, run_id uuid,
        depth smallint)
),
made as (
    insert into event (contact_id, name, properties, message_id, run_id, depth)
    select contact_id, name, properties, message_id, run_id, depth from given order by n
    returning id, contact_id, message_id
),
queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
),
kept as (
    update contact c set last_event_id = greatest(c.last_event_id, newest.id)
    from (select contact_id, max(id) as id from made group by contact_id) as newest
    where c.id = newest.contact_id
)
select message_id, id from made
"""


async def record_changes(
    conn: AsyncConnection[Any], events: Sequence[tuple[UUID, NewEvent]]
) -> None:
    """Store one new event without a meaning for each of many contacts the caller has locked."""
    rows = [
        _event_row(n, contact_id, event, event.properties, event.message_id or str(uuid4()))
        for n, (contact_id, event) in enumerate(events)
    ]
    if rows:
        await conn.execute(_RECORD, (orjson.dumps(rows).decode(),))


def _event_row(
    n: int, contact_id: UUID, event: NewEvent, properties: dict[str, Any], message_id: str
) -> dict[str, Any]:
    return {
        "n": n,
        "contact_id": contact_id,
        "name": event.name,
        "properties": orjson.Fragment(orjson.dumps(properties)),
        "message_id": message_id,
        "run_id": event.run_id,
        "depth": event.depth,
    }


async def record_events(
    conn: AsyncConnection[Any], contact_id: UUID, events: Sequence[NewEvent]
) -> list[int]:
    """Store events of one contact whose row the caller has locked; their ids, in order.

    Events with a meaning have their effect; a message id that is stored already has none, and its
    id is the stored event's. Raises store.events.effects.EffectRefused before anything is written.
    """
    ids: dict[str, int] = {}
    given = [event.message_id for event in events if event.message_id is not None]
    if given:
        cursor = await conn.execute(
            "select message_id, id from event where message_id = any(%s)", (given,)
        )
        ids = dict(await cursor.fetchall())
    meanings = EventEffects()
    meant = [EffectCandidate(contact_id, event.name, event.properties) for event in events]
    if any(has_effects(event.name) for event in events):
        await meanings.load(conn, meant)
    message_ids = [event.message_id or str(uuid4()) for event in events]
    rows: dict[str, dict[str, Any]] = {}
    for event, each, message_id in zip(events, meant, message_ids, strict=True):
        if message_id in ids or message_id in rows:
            continue
        properties = meanings.judge(each, message_id)
        rows[message_id] = _event_row(len(rows), contact_id, event, properties, message_id)
    if rows:
        cursor = await conn.execute(_RECORD, (orjson.dumps(list(rows.values())).decode(),))
        ids.update(await cursor.fetchall())
        await meanings.write(conn)
    return [ids[message_id] for message_id in message_ids]

"""Recording of events under their contacts' locks: ids, outbox and contacts in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID, uuid4

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.model.consents import Evidence
from journeys.model.contact_fields import READABLE_NAMES
from journeys.model.well_known_events import ENGINE_EVENTS
from journeys.protocol.channels import AddressField
from store.contacts.rows import FIELD_COLUMNS, FIELD_DEFINITIONS, LockedContact
from store.events.effect_events import ENGINE, Addresses, EffectCandidate, EffectRefused
from store.events.effects import EventEffects, has_effects
from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_one,
    join,
    name,
    sql,
    statement,
)
from store.tables.contacts import Contact


class ConcurrentChange(Exception):
    """Another transaction inserted, erased or merged the same rows: roll back and try again."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event of a known contact that is to be recorded."""

    name: str
    properties: dict[str, Any]
    message_id: str | None = None
    """Its key: an event with a known message id is not recorded again. None: one is made."""
    depth: int = 0
    """How many steps `enter` and `emit` led to it from the event that came from outside."""
    run_id: UUID | None = None
    """The only run that sees it; None: every run of the contact sees it."""
    source: str = ENGINE
    """Whose message ids it shares."""
    evidence: Evidence | None = None
    """Of a consent; None: what its properties say."""
    cause_id: int | None = None
    """The event, recorded before, that it is derived from."""
    happened_at: datetime | None = None
    """When it happened, if that is not now."""


@dataclass(slots=True, eq=False)
class PendingEvent:
    """A row of `event` that is not written yet."""

    contact_id: UUID
    name: str
    properties: Mapping[str, Any] | orjson.Fragment
    message_id: str
    client_at: datetime | None = None
    original_at: datetime | None = None
    run_id: UUID | None = None
    depth: int = 0
    source: str = ENGINE
    cause: PendingEvent | None = None
    """The event of the same list that it is derived from."""


def refuse_engine_event(event_name: str) -> None:
    """Raise EffectRefused if the engine alone records events of this name."""
    if event_name in ENGINE_EVENTS:
        raise EffectRefused(
            "forbidden_event", f"event: the engine alone records {event_name}; use another name"
        )


# Ids are drawn in the order of `n`, under locks that the caller holds. The outbox and the contacts
# are written by the same statement, so that a batch of any size costs one.
_WRITE = sql(
    """
with given as (
    select * from json_to_recordset(%(events)s::json) as g(
        n int, contact_id uuid, name text, properties jsonb, message_id text, source text,
        client_at timestamptz, original_at timestamptz, run_id uuid, depth smallint, cause int)
),
numbered as materialized (
    select nextval('event_id_seq') as id, g.* from (select * from given order by n) g
),
made as (
    insert into event (id, contact_id, name, properties, message_id, source, client_at,
                       original_at, run_id, depth, cause_id)
    select g.id, g.contact_id, g.name, g.properties, g.message_id, g.source, g.client_at,
           g.original_at, g.run_id, coalesce(g.depth, 0::smallint), c.id
    from numbered g left join numbered c on c.n = g.cause
    on conflict (message_id, source) do nothing
    returning id, contact_id
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
        id uuid, "new" bool, "changed" bool, {definitions}, attributes jsonb, derived jsonb,
        used int, server_used int)
    left join newest on newest.contact_id = g.id
),
created as (
    insert into contact (id, {fields}, attributes, derived, last_event_id, window_started_at,
                         window_events, window_server_events)
    select id, {fields}, attributes, derived, newest, parcours.clock(), used, server_used
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
        window_server_events = t.server_used,
        {assignments},
        updated_at = case when t."changed" then parcours.clock() else c.updated_at end
    from touched t where c.id = t.id and not t."new"
)
select (select count(*) from made), (select count(*) from created)
""",
    definitions=FIELD_DEFINITIONS,
    fields=FIELD_COLUMNS,
    assignments=join(
        ",\n        ",
        (
            sql(
                '{column} = case when t."changed" then t.{column} else c.{column} end',
                column=name(column),
            )
            for column in (*READABLE_NAMES, "attributes", "derived")
        ),
    ),
)


async def write_pending(
    conn: Connection,
    events: Sequence[PendingEvent],
    contacts: Iterable[LockedContact],
) -> None:
    """Write events in order, with their outbox rows and their contacts' new state.

    Raises ConcurrentChange if another transaction has inserted one of the contacts or events.
    """
    places = {id(event): n for n, event in enumerate(events)}
    rows = [_contact_row(contact) for contact in contacts]
    new = sum(1 for row in rows if row["new"])
    written = await fetch_one(
        conn,
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
                        "client_at": event.client_at,
                        "original_at": event.original_at,
                        "run_id": event.run_id,
                        "depth": event.depth,
                        "source": event.source,
                        "cause": None if event.cause is None else places[id(event.cause)],
                    }
                    for n, event in enumerate(events)
                ]
            ).decode(),
            "contacts": orjson.dumps(rows).decode(),
        },
    )
    if written != (len(events), new):
        raise ConcurrentChange


def _contact_row(contact: LockedContact) -> dict[str, Any]:
    if not (contact.new or contact.changed):
        return {
            "id": contact.id,
            "new": False,
            "changed": False,
            "used": contact.window_used,
            "server_used": contact.server_window_used,
        }
    return {
        "id": contact.id,
        "new": contact.new,
        "changed": contact.changed,
        **contact.field_values(),
        "attributes": orjson.Fragment(orjson.dumps(contact.attributes)),
        "derived": contact.derived,
        "used": contact.window_used,
        "server_used": contact.server_window_used,
    }


_RECORD = sql("""
with given as (
    select * from json_to_recordset(%(events)s::json) as g(
        n int, contact_id uuid, name text, properties jsonb, message_id text, source text,
        run_id uuid, depth smallint, cause int, cause_id bigint, client_at timestamptz)
),
numbered as materialized (
    select nextval('event_id_seq') as id, g.* from (select * from given order by n) g
),
made as (
    insert into event (id, contact_id, name, properties, message_id, source, run_id, depth,
                       cause_id, client_at)
    select g.id, g.contact_id, g.name, g.properties, g.message_id, g.source, g.run_id, g.depth,
           coalesce(c.id, g.cause_id), g.client_at
    from numbered g left join numbered c on c.n = g.cause
    returning id, contact_id
),
queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
),
kept as (
    update contact c set last_event_id = greatest(c.last_event_id, newest.id)
    from (select contact_id, max(id) as id from made group by contact_id) as newest
    where c.id = newest.contact_id
)
select message_id, id from numbered
""")
_ACCEPTED_BEFORE = sql("""
select e.message_id, e.id from event e
join unnest(%(message_ids)s::text[], %(sources)s::text[]) as g(message_id, source)
    on e.message_id = g.message_id and e.source = g.source
""")
_ADDRESSES: Final[tuple[AddressField, ...]] = get_args(AddressField)
_READ_ADDRESSES = statement(
    select(*(Contact.__table__.c[field] for field in _ADDRESSES)).where(  # type: ignore[attr-defined]
        col(Contact.id) == bindparam("contact")
    )
)


async def record_changes(conn: Connection, events: Sequence[tuple[UUID, NewEvent]]) -> None:
    """Record new events without effects, in order, of contacts that the caller has locked."""
    rows = [
        _event_row(n, contact_id, event, event.properties, event.message_id or str(uuid4()))
        for n, (contact_id, event) in enumerate(events)
    ]
    if rows:
        await execute(conn, _RECORD, {"events": orjson.dumps(rows).decode()})


def _event_row(
    n: int, contact_id: UUID, event: NewEvent, properties: dict[str, Any], message_id: str
) -> dict[str, Any]:
    row = {
        "n": n,
        "contact_id": contact_id,
        "name": event.name,
        "properties": orjson.Fragment(orjson.dumps(properties)),
        "message_id": message_id,
        "source": event.source,
        "run_id": event.run_id,
        "depth": event.depth,
    }
    if event.cause_id is not None:
        row["cause_id"] = event.cause_id
    if event.happened_at is not None:
        row["client_at"] = event.happened_at
    return row


async def record_events(
    conn: Connection, contact_id: UUID, events: Sequence[NewEvent]
) -> list[int]:
    """Record events of one contact that the caller has locked, with their effects; their ids.

    An event whose message id was recorded before has no effect, and its id is that of the recorded
    event. What is derived from an event follows it. Raises store.events.effects.EffectRefused
    before anything is written.
    """
    ids: dict[str, int] = {}
    known = [event for event in events if event.message_id is not None]
    if known:
        wanted = {
            "message_ids": [event.message_id for event in known],
            "sources": [event.source for event in known],
        }
        ids = dict(await fetch_all(conn, _ACCEPTED_BEFORE, wanted))
    effects = EventEffects()
    addresses: Addresses = {}
    if any(has_effects(event.name) for event in events):
        email, phone = (
            await fetch_one(conn, _READ_ADDRESSES, {"contact": contact_id}) or (None,) * 2
        )
        addresses = {"email": email, "phone": phone}
        candidates = [
            EffectCandidate(
                contact_id, event.name, event.properties, addresses, evidence=event.evidence
            )
            for event in events
        ]
        await effects.load(conn, candidates)
    message_ids = [event.message_id or str(uuid4()) for event in events]
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for event, message_id in zip(events, message_ids, strict=True):
        if message_id in ids or message_id in seen:
            continue
        seen.add(message_id)
        candidate = EffectCandidate(
            contact_id, event.name, event.properties, addresses, evidence=event.evidence
        )
        staged = effects.stage(candidate, message_id, event.source)
        rows.append(_event_row(len(rows), contact_id, event, staged.properties, message_id))
        if staged.derived is not None:
            follows = replace(
                event,
                name=staged.derived.name,
                properties=staged.derived.properties,
                message_id=str(uuid4()),
                source=ENGINE,
                evidence=staged.derived.evidence,
            )
            own_id = follows.message_id or ""
            effects.stage(
                EffectCandidate(
                    contact_id,
                    follows.name,
                    follows.properties,
                    addresses,
                    evidence=follows.evidence,
                ),
                own_id,
                ENGINE,
            )
            derived = _event_row(len(rows), contact_id, follows, follows.properties, own_id)
            rows.append({**derived, "cause": len(rows) - 1})
    if rows:
        events_json = orjson.dumps(rows).decode()
        ids.update(await fetch_all(conn, _RECORD, {"events": events_json}))
        await effects.write(conn)
    return [ids[message_id] for message_id in message_ids]

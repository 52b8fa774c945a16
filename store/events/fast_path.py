"""Fast path: track events without side effects, recorded in one statement.

Nearly every call is one. Where something else is to be done (a time zone to fill in, a limit that
is exceeded) the statement changes nothing, and `store.events.ingest` accepts the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import orjson

from journeys.model.contact_fields import CONTACT_FIELDS
from journeys.model.well_known_events import CONTACT_CREATED
from store.contacts.rows import OWN_ID
from store.events.effect_events import ENGINE
from store.events.items import Accepted, Item, Rejected, Sender
from store.sql import Connection, NumberedQuery, fetch_prepared, join, name, sql, text_literal
from store.tables.identifiers import NEW_ID

_CONTEXT_FIELDS: Final = tuple(
    field for field, definition in CONTACT_FIELDS.items() if definition.from_context
)
"""Fields of which an item may have a default."""

_READ: Final = (*_CONTEXT_FIELDS, "derived")
SESSION_OPTIONS: Final = {
    "enable_seqscan": "off",
    "enable_nestloop": "off",
    "lock_timeout": "100ms",
}
"""Of connections that keep the plan of the statement: the same plan is right for tables and batches
of any size. All rows of tables are found by index, and what is found is joined by hash. A statement
that waits for a lock for long is repeated elsewhere, because others wait behind it."""

_PARAMETERS: Final = (
    "events", "client_at", "contacts", "most", "defaults", "limit", "source", "trusted", "count",
)  # fmt: skip
# No id is drawn and no row is written before every known contact is locked, because `found` counts
# the locked rows. The statement's snapshot is older than its locks, so it decides nothing else that
# may have changed: unique indexes find repeated message ids and contacts that other transactions
# inserted. Rows of tables are asked for by arrays, so that no plan reads more of one. What only new
# contacts need is skipped where all are known, and JSON is read as `jsonb`, a quarter of the cost.
_RECORD_TRACKS: Final = NumberedQuery.of(
    sql(
        """
with given as materialized (
    select g.*
    from rows from (
        jsonb_to_recordset(%(events)s::jsonb) as (
            external_id text, name text, properties jsonb, message_id text,
            client_at timestamptz, original_at timestamptz, {flags})
    ) with ordinality as g
),
aliased as materialized (
    select external_id, contact_id from contact_alias
    where external_id = any(array(select external_id from given))
),
locked as materialized (
    select c.id, c.external_id, {columns},
           case when c.window_started_at > parcours.clock() - interval '1 minute'
                then case when %(trusted)s then c.window_server_events else c.window_events end
                else 0 end as used
    from contact c
    where c.external_id = any(array(
        select external_id from given
        union all select external_id from contact
        where id = any(array(select contact_id from aliased))
    ))
    order by c.id
    for no key update of c
),
named as materialized (
    select external_id, id, {fields} from locked
    union all
    select a.external_id, l.id, {fields} from aliased a join locked l on l.id = a.contact_id
),
found as materialized (
    select count(*) as known, coalesce(max(used), 0) as used from locked
),
fresh as materialized (
    select w.external_id, {new_id} as id
    from (select distinct external_id from given) w
    where (select known from found) < %(contacts)s
    and not exists (select from named n where n.external_id = w.external_id)
),
allowed as materialized (
    select found.used + case when exists (select from aliased) then %(count)s else %(most)s end
        <= %(limit)s
    and not (%(defaults)s and exists (
        select from given g left join named l on l.external_id = g.external_id where {missing}
    ))
    and not exists (
        select from contact k where k.id = any(array(
            select case when external_id ~* {own_id} then external_id::uuid end from fresh
        ))
    ) as all_of_it
    from found
),
received as materialized (
    select message_id from receipt
    where message_id = any(array(select message_id from given)) and source = %(source)s
),
made as (
    insert into event (contact_id, name, properties, message_id, source, client_at, original_at)
    select contact_id, name, properties, message_id, source, client_at, original_at
    from (
        select g.ordinality as n, a.id as contact_id, g.name, g.properties, g.message_id,
               %(source)s as source, coalesce(g.client_at, %(client_at)s) as client_at,
               g.original_at
        from given g
        join (select external_id, id from named union all select external_id, id from fresh) a
            on a.external_id = g.external_id
        where not exists (select from received r where r.message_id = g.message_id)
        union all
        select 0, id, {created}, '{}', id::text, {engine}, null, null from fresh
    ) rows
    where (select all_of_it from allowed)
    order by n
    on conflict (message_id, source) do nothing
    returning id, contact_id, message_id, source
),
queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
),
counted as (
    select contact_id, max(id) as newest,
           count(*) filter (where source = %(source)s)::int as items
    from made group by contact_id
),
created as (
    insert into contact (id, external_id, last_event_id, window_started_at, window_events,
                         window_server_events)
    select f.id, f.external_id, coalesce(m.newest, 0), parcours.clock(),
           case when %(trusted)s then 0 else coalesce(m.items, 0) end,
           case when %(trusted)s then coalesce(m.items, 0) else 0 end
    from fresh f left join counted m on m.contact_id = f.id
    where (select all_of_it from allowed) order by f.external_id
),
kept as (
    update contact c set
        last_event_id = greatest(c.last_event_id, m.newest),
        window_started_at = case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_started_at else parcours.clock() end,
        window_events = case when %(trusted)s then 0 else m.items end + case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_events else 0 end,
        window_server_events = case when %(trusted)s then m.items else 0 end + case
            when c.window_started_at > parcours.clock() - interval '1 minute'
            then c.window_server_events else 0 end
    from counted m
    where c.id = m.contact_id and c.id = any(array(select id from locked))
)
select allowed.all_of_it,
       case when (select count(*) from made where source = %(source)s) < %(count)s
            then array(select message_id from made where source = %(source)s) end
from allowed
""",
        created=text_literal(CONTACT_CREATED),
        engine=text_literal(ENGINE),
        own_id=text_literal(OWN_ID),
        new_id=NEW_ID,
        flags=join(", ", (sql("{field} bool", field=name(each)) for each in _CONTEXT_FIELDS)),
        columns=join(", ", (sql("c.{field}", field=name(each)) for each in _READ)),
        fields=join(", ", (name(each) for each in _READ)),
        missing=join(
            " or ",
            (
                sql(
                    "(g.{field} and (l.{field} is null or l.derived ->> {key} <> 'context'))",
                    field=name(each),
                    key=text_literal(each),
                )
                for each in _CONTEXT_FIELDS
            ),
        ),
    ),
    {},
    _PARAMETERS,
)


def is_simple(items: Sequence[Item]) -> bool:
    """Whether every item is a track without side effects of a contact with an external id."""
    return all(
        item.kind == "track" and item.user_id is not None and item.effect_properties is None
        for item in items
    )


async def accept_simple_tracks(
    conn: Connection, items: Sequence[Item], *, limit_per_minute: int, sender: Sender
) -> list[Accepted | Rejected] | None:
    """Record simple items, and answer each; None if nothing was recorded and ingest is to do it.

    It is one statement, so a connection in autocommit needs no transaction around it. Raises
    psycopg.errors.UniqueViolation, and records nothing, if another transaction inserts one of the
    contacts at the same moment.
    """
    contacts = Counter([item.user_id for item in items])
    # Items without a `timestamp` share the time of receipt, which is passed once.
    client_at = items[0].client_at
    shared = all(item.client_at is client_at for item in items)
    defaults = False
    rows: list[dict[str, Any]] = []
    for item in items:
        row: dict[str, Any] = {
            "external_id": item.user_id,
            "name": item.name,
            "properties": item.properties,
            "message_id": item.message_id,
        }
        if not shared:
            row["client_at"] = item.client_at
        if item.original_at is not None:
            row["original_at"] = item.original_at
        if item.defaults:
            defaults = True
            row.update((field, True) for field in _CONTEXT_FIELDS if field in item.defaults)
        rows.append(row)
    [(all_of_it, new_ids)] = await fetch_prepared(
        conn,
        _RECORD_TRACKS,
        (
            orjson.dumps(rows).decode(),
            client_at if shared else None,
            len(contacts),
            max(contacts.values()),
            defaults,
            limit_per_minute,
            sender.source,
            sender.trusted,
            len(items),
        ),
    )
    if not all_of_it:
        return None
    if new_ids is None:
        # All are new.
        return [Accepted(item.message_id) for item in items]
    new = set(new_ids)
    answers: list[Accepted | Rejected] = []
    for item in items:
        answers.append(Accepted(item.message_id, new=item.message_id in new))
        # A message id that is repeated within the batch is new only once.
        new.discard(item.message_id)
    return answers

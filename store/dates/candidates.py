"""Contacts whom a condition of an entry lets in at their turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from journeys.model.conditions import Condition
from store.definitions.catalog import Definition
from store.sql import Connection, fetch_column, sql


async def let_in(
    conn: Connection,
    definition: Definition,
    condition: Condition | None,
    entries: Mapping[UUID, dict[str, Any]],
) -> set[UUID]:
    """The contacts for whom a condition of the definition holds now, in one statement.

    `entries` has the properties of the run that each contact would begin.
    """
    if condition is None or not entries:
        return set(entries)
    predicate = definition.compiled.start([condition])
    query = sql(
        "select c.id from unnest(%(candidate_contacts)s::uuid[], %(candidate_entries)s::jsonb[])"
        " as k(contact_id, entry) join contact c on c.id = k.contact_id"
        " cross join lateral (select null::uuid as id, k.entry, c.last_event_id as entry_ref,"
        " null::bigint as entry_event_id, 0 as visit) r where {holds}",
        holds=predicate.sql,
    )
    params = {
        **predicate.params,
        "candidate_contacts": list(entries),
        "candidate_entries": [Jsonb(each) for each in entries.values()],
    }
    return set(await fetch_column(conn, query, params))

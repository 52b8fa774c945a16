"""Entries that were refused: recorded, and read as `entries` by the run that kept them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.model.reasons import RefusalReason
from store.metrics import counter
from store.runs.rows import RunRow
from store.sql import Connection, execute, fetch_column, sql, statement
from store.tables.events import Event
from store.tables.runs import Refusal

_REFUSALS: Final = counter("parcours_refusals")

_INSERT = sql("""
insert into refusal (journey, contact_id, key, event_id, code)
select g.* from unnest(%(journeys)s::text[], %(contacts)s::uuid[], %(keys)s::text[],
                       %(events)s::bigint[], %(codes)s::text[])
     g(journey, contact_id, key, event_id, code)
join contact c on c.id = g.contact_id
on conflict do nothing
""")
_REFUSED_PROPERTIES = statement(
    select(col(Event.properties))
    .join_from(Refusal, Event, col(Event.id) == col(Refusal.event_id))
    .where(
        col(Refusal.contact_id) == bindparam("contact"),
        col(Refusal.journey) == bindparam("journey"),
        col(Refusal.key) == bindparam("key"),
        col(Refusal.event_id) > bindparam("after"),
    )
    .order_by(col(Refusal.event_id))
)


@dataclass(frozen=True)
class NewRefusal:
    """A refused entry that is to be recorded; `event_id` is None for a start by API."""

    journey: str
    contact_id: UUID
    key: str
    event_id: int | None
    code: RefusalReason


async def insert_refusals(conn: Connection, refused: Sequence[NewRefusal]) -> None:
    """Record refused entries; one that was recorded before stays as it is."""
    if not refused:
        return
    await execute(
        conn,
        _INSERT,
        {
            "journeys": [each.journey for each in refused],
            "contacts": [each.contact_id for each in refused],
            "keys": [each.key for each in refused],
            "events": [each.event_id for each in refused],
            "codes": [each.code for each in refused],
        },
    )
    for each in refused:
        _REFUSALS.labels(each.code).inc()


async def refuse_broken(conn: Connection, entries: Sequence[tuple[str, UUID, int]]) -> None:
    """Refuse entries (journey, contact, event) of journeys that no longer validate."""
    await insert_refusals(
        conn,
        [
            NewRefusal(journey, contact_id, "", event_id, "broken")
            for journey, contact_id, event_id in entries
        ],
    )


async def entries_of(conn: Connection, run: RunRow) -> list[dict[str, Any]]:
    """The properties of the run's entry, and of the entries refused since then, in their order."""
    refused = await fetch_column(
        conn,
        _REFUSED_PROPERTIES,
        {
            "contact": run.contact_id,
            "journey": run.journey,
            "key": run.key,
            "after": run.entry_ref,
        },
    )
    return [run.entry, *refused]

"""The history of a contact's fields and attributes, from the events that record their changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from journeys.model.well_known_events import CONTACT_CHANGED
from store.sql import Connection, fetch_all, sql, text_literal

_CHANGES = sql(
    """
select id, stamped_at, properties from event
where contact_id = %(contact)s and name = {changed} and id < %(before)s
  and (%(names)s::text[] is null or properties->'names' ?| %(names)s::text[])
order by id desc limit %(limit)s
""",
    changed=text_literal(CONTACT_CHANGED),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A field or attribute that changed."""

    event_id: int
    at: datetime
    name: str
    before: Any
    """None if there was none, and of a long value."""
    after: Any
    """None if it was removed, and of a long value."""
    complete: bool
    """Whether the event repeats both values as a whole; long ones it does not."""
    reason: str | None
    """What an operator said about it."""
    merged: bool
    """Whether it came with the merge of another contact."""


async def changes_of(
    conn: Connection, contact_id: UUID, names: Sequence[str] | None, before: int, limit: int
) -> list[Change]:
    """What changed in the newest events before an id, the newest first; `limit` counts events.

    `names` are the fields and attributes that are asked for; None for all of them.
    """
    rows = await fetch_all(
        conn,
        _CHANGES,
        {
            "contact": contact_id,
            "before": before,
            "names": None if names is None else list(names),
            "limit": limit,
        },
    )
    return [
        _change(event_id, at, properties, name)
        for event_id, at, properties in rows
        for name in properties["names"]
        if names is None or name in names
    ]


def _change(event_id: int, at: datetime, properties: dict[str, Any], name: str) -> Change:
    values = properties["changes"].get(name)
    before, after = values or (None, None)
    return Change(
        event_id,
        at,
        name,
        before,
        after,
        values is not None,
        properties.get("reason"),
        properties.get("merged") is True,
    )

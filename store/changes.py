"""Changes that steps make to a contact, with the event that tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection

from store.contacts import COLUMNS, hold
from store.recording import NewEvent, PendingEvent, record_events, write_pending

CONTACT_CHANGED = "Contact Changed"


async def change_attributes(
    conn: AsyncConnection[Any],
    contact_id: UUID,
    *,
    set_: Mapping[str, Any],
    unset: Sequence[str],
    add: Mapping[str, float],
    depth: int,
) -> list[str]:
    """Change attributes of a contact that the caller has locked; the names whose value changed.

    `add` counts from 0 where the value is missing or no number. A `set` to nothing removes.
    """
    [held] = await hold(conn, ids=[contact_id])
    changes: dict[str, Any] = {name: _typed(name, value) for name, value in set_.items()}
    changes |= dict.fromkeys(unset)
    for name, amount in add.items():
        before = held.score if name == "score" else held.attributes.get(name)
        number = before if isinstance(before, int | float) and not isinstance(before, bool) else 0
        changes[name] = number + amount
    changes.pop("external_id", None)
    names = held.set(changes)
    if names:
        told = orjson.Fragment(orjson.dumps({"names": names}))
        event = PendingEvent(contact_id, CONTACT_CHANGED, told, str(uuid4()), depth=depth)
        await write_pending(conn, [event], [held])
    return names


async def change_groups(
    conn: AsyncConnection[Any],
    contact_id: UUID,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    depth: int,
) -> None:
    """Add a locked contact to groups and remove it from others."""
    cursor = await conn.execute(
        """
        with gone as (
            delete from group_member
            where contact_id = %(contact)s and group_key = any(%(remove)s) returning group_key
        ), come as (
            insert into group_member (contact_id, group_key)
            select %(contact)s, unnest(%(add)s::text[]) on conflict do nothing returning group_key
        )
        select group_key from gone union select group_key from come order by 1
        """,
        {"contact": contact_id, "add": list(add), "remove": list(remove)},
    )
    keys = [row[0] for row in await cursor.fetchall()]
    if keys:
        names = [f"group:{key}" for key in keys]
        event = NewEvent(CONTACT_CHANGED, {"names": names}, depth=depth)
        await record_events(conn, contact_id, [event])


def _typed(name: str, value: Any) -> Any:
    """A column keeps text, and the score a number; what does not fit is no value."""
    if name not in COLUMNS or value is None:
        return value
    if name == "score":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return value if fits else None
    return value if isinstance(value, str) else str(value)

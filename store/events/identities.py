"""Anonymous ids, and the contacts that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from store.events.recording import ConcurrentChange
from store.sql import Connection, execute, fetch_all, fetch_value, sql, statement
from store.tables.contacts import Identity

_IDENTITIES = statement(
    select(col(Identity.anonymous_id), col(Identity.contact_id)).where(
        col(Identity.anonymous_id) == func.any(bindparam("anonymous"))
    )
)
_INSERT_IDENTITIES = sql("""
with made as (
    insert into identity (anonymous_id, contact_id)
    select * from unnest(%(anonymous)s::text[], %(contacts)s::uuid[])
    on conflict (anonymous_id) do nothing returning 1
) select count(*) from made
""")
_MOVE_IDENTITIES = sql("""
update identity i set contact_id = g.contact_id
from unnest(%(anonymous)s::text[], %(contacts)s::uuid[]) as g(anonymous_id, contact_id)
where i.anonymous_id = g.anonymous_id
""")


async def read_identities(conn: Connection, anonymous: Collection[str]) -> dict[str, UUID]:
    """The contacts of anonymous ids; unknown ones are left out."""
    return dict(await fetch_all(conn, _IDENTITIES, {"anonymous": sorted(anonymous)}))


async def write_identities(
    conn: Connection, identities: Iterable[tuple[str, UUID]], known: Collection[str]
) -> None:
    """Link anonymous ids to contacts; those that are `known` had another one.

    Raises ConcurrentChange if another transaction has linked one of the others.
    """
    rows = sorted(identities)
    new = [row for row in rows if row[0] not in known]
    moved = [row for row in rows if row[0] in known]
    if new:
        inserted = await fetch_value(conn, _INSERT_IDENTITIES, _columns(new))
        if inserted != len(new):
            raise ConcurrentChange
    if moved:
        await execute(conn, _MOVE_IDENTITIES, _columns(moved))


def _columns(identities: list[tuple[str, UUID]]) -> dict[str, Any]:
    return {
        "anonymous": [anonymous_id for anonymous_id, _ in identities],
        "contacts": [contact_id for _, contact_id in identities],
    }

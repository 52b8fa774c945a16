"""Turns of the reconciliation: which process has one, and up to when workflows were checked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, null, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_one, sql, statement
from store.tables.operations import SweepCursor

TURN_LEASE: Final = timedelta(seconds=30)

_BEGIN = sql("""
insert into sweep_cursor (name, closed_until)
values (%(name)s, parcours.clock() - interval '1 day') on conflict do nothing
""")
_TAKE = sql("""
update sweep_cursor set leased_until = parcours.clock() + %(lease)s, lease_owner = %(owner)s
where name = %(name)s
  and (leased_until is null or leased_until < parcours.clock())
  and closed_until <= parcours.clock() - %(pause)s::interval
returning closed_until, parcours.clock()
""")
_RENEW = sql("""
update sweep_cursor set leased_until = parcours.clock() + %(lease)s
where name = %(name)s and lease_owner = %(owner)s
""")
_MINE = (
    update(SweepCursor)
    .where(col(SweepCursor.name) == bindparam("name"))
    .where(col(SweepCursor.lease_owner) == bindparam("owner"))
)
_FINISH = statement(
    _MINE.values(closed_until=bindparam("until"), leased_until=null(), lease_owner=null())
)
_RELEASE = statement(_MINE.values(leased_until=null(), lease_owner=null()))


async def take_turn(
    conn: Connection, name: str, owner: UUID, pause: timedelta
) -> tuple[datetime, datetime] | None:
    """Take a turn, at most once per `pause`: (up to when workflows were checked, the time now).

    None if another process has the turn, or if the pause is not over.
    """
    await execute(conn, _BEGIN, {"name": name})
    row = await fetch_one(
        conn, _TAKE, {"lease": TURN_LEASE, "name": name, "owner": owner, "pause": pause}
    )
    return (row[0], row[1]) if row else None


async def renew_turn(conn: Connection, name: str, owner: UUID) -> bool:
    """Keep a turn for longer; False if its owner has it no more."""
    return await execute(conn, _RENEW, {"lease": TURN_LEASE, "name": name, "owner": owner}) > 0


async def finish_turn(conn: Connection, name: str, owner: UUID, until: datetime) -> bool:
    """End a turn that has checked everything up to `until`; False if its owner has it no more."""
    return await execute(conn, _FINISH, {"name": name, "owner": owner, "until": until}) > 0


async def give_up_turn(conn: Connection, name: str, owner: UUID) -> None:
    """End a turn that failed, so that the next one checks the same time again."""
    await execute(conn, _RELEASE, {"name": name, "owner": owner})

"""A throwaway database whose clock is set by the simulation, and its contacts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import bindparam, insert

from store.sql import Connection, execute, sql, statement
from store.tables.contacts import Contact

_CONTACTS = UUID("b3a0f4c2-6d1e-5b7a-9c48-2e5d7f10a6b9")
"""The namespace of contacts' ids in simulations (RFC 9562, section 5.5)."""

_MAKE_CLOCK_TABLE = sql("create table parcours.simulated (now timestamptz not null)")
_START_CLOCK = sql("insert into parcours.simulated values (%(at)s)")
_REPLACE_CLOCK = sql("""
create or replace function parcours.clock() returns timestamptz
language sql volatile parallel safe as 'select now from parcours.simulated'
""")
_SET_CLOCK = sql("update parcours.simulated set now = %(at)s")
_MAKE_CONTACT = statement(
    insert(Contact).values(id=bindparam("id"), external_id=bindparam("external_id"))
)


async def stop_clock(conn: Connection, at: datetime) -> None:
    """Stop the database's clock at `at`, for every connection.

    For throwaway databases only: the real clock cannot be restored.
    """
    await execute(conn, _MAKE_CLOCK_TABLE)
    await execute(conn, _START_CLOCK, {"at": at})
    await execute(conn, _REPLACE_CLOCK)


async def set_clock(conn: Connection, at: datetime) -> None:
    """Set the stopped clock to another time."""
    await execute(conn, _SET_CLOCK, {"at": at})


async def make_contact(conn: Connection, external_id: str) -> None:
    """Insert a contact whose id is derived from its external id.

    The arms that a contact takes in splits follow from its id, so a random id would make each
    simulation different.
    """
    await execute(
        conn,
        _MAKE_CONTACT,
        {"id": uuid5(_CONTACTS, external_id), "external_id": external_id},
    )

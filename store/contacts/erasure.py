"""Erasure of a contact and of everything that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from store.contacts.rows import lock_and_read_contacts


@dataclass(frozen=True)
class ActiveRun:
    """A run whose workflow is to be stopped."""

    id: UUID
    journey: str


async def erase(conn: AsyncConnection[Any], contact_id: UUID) -> list[ActiveRun]:
    """Delete a contact and everything that names it; its runs that were active.

    Suppressions stay: they are hashes of addresses, so that nobody writes to an erased address.
    Coupons stay spent, and forget whose they were.
    The caller stops the workflows after the commit; one that is missed is refused by its run's
    absence when it wakes.
    """
    await lock_and_read_contacts(conn, ids=[contact_id])
    cursor = await conn.execute(
        "select id, journey from run where contact_id = %s and state = 'active'", (contact_id,)
    )
    active = [ActiveRun(*row) for row in await cursor.fetchall()]
    for statement in (
        "delete from visit where run_id in (select id from run where contact_id = %s)",
        (
            "delete from start_request where answer->>'id' in"
            " (select id::text from run where contact_id = %s)"
        ),
        ("update coupon set contact_id = null, run_id = null, visit = null where contact_id = %s"),
        "delete from listener where contact_id = %s",
        "delete from message where contact_id = %s",
        "delete from outbox where contact_id = %s",
        "delete from event where contact_id = %s",
        # Identities, consent, groups, refusals, runs with their goals and faults go with the row.
        "delete from contact where id = %s",
    ):
        await conn.execute(statement, (contact_id,))
    return active

"""Erasure of a contact and of everything that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, null, select, update
from sqlmodel import col

from store.contacts.rows import lock_and_read_contacts
from store.counters.removed import add_removed_runs
from store.sql import (
    Connection,
    Sql,
    execute,
    fetch_all_as,
    fetch_column,
    sql,
    statement,
    table_columns,
)
from store.tables.contacts import Contact
from store.tables.entries import JobEntry
from store.tables.events import Event, Outbox
from store.tables.links import LinkHit, ShortLink
from store.tables.messages import Coupon, KeptContent, Message
from store.tables.places import NearContact
from store.tables.runs import Listener, Run, Visit
from store.tables.segments import SegmentChange, SegmentDue, SegmentMember


@dataclass(frozen=True)
class ActiveRun:
    """A run whose workflow is to be stopped."""

    id: UUID
    journey: str


_ACTIVE_RUNS = statement(
    select(*table_columns(Run, ActiveRun)).where(
        col(Run.contact_id) == bindparam("contact"), col(Run.state) == "active"
    )
)
_RUNS = select(col(Run.id)).where(col(Run.contact_id) == bindparam("contact"))
_MESSAGES = select(col(Message.id)).where(col(Message.contact_id) == bindparam("contact"))
_ALL_RUNS = statement(_RUNS)
_ERASE: Final[tuple[Sql, ...]] = (
    statement(delete(Visit).where(col(Visit.run_id).in_(_RUNS))),
    sql("""
    delete from start_request where answer->>'id' in
        (select id::text from run where contact_id = %(contact)s)
    """),
    statement(
        update(Coupon)
        .where(col(Coupon.contact_id) == bindparam("contact"))
        .values(contact_id=null(), run_id=null(), visit=null())
    ),
    *(
        statement(delete(table).where(col(table.message_id).in_(_MESSAGES)))
        for table in (LinkHit, ShortLink, KeptContent)
    ),
    *(
        statement(delete(table).where(col(table.contact_id) == bindparam("contact")))
        for table in (
            Listener,
            Message,
            SegmentMember,
            JobEntry,
            NearContact,
            SegmentChange,
            SegmentDue,
            Outbox,
            Event,
        )
    ),
    sql("""
    delete from rejected_item where reference in (
        select external_id from contact where id = %(contact)s
        union all select id::text from contact where id = %(contact)s
        union all select anonymous_id from identity where contact_id = %(contact)s)
    """),
    # Its identities, consents with their records, groups, refusals, dead events, and runs with
    # their goals and faults are deleted with the row, by their foreign keys.
    statement(delete(Contact).where(col(Contact.id) == bindparam("contact"))),
)


async def erase(conn: Connection, contact_id: UUID) -> list[ActiveRun]:
    """Delete a contact and everything that names it; its runs that were active.

    Suppressions stay: they are hashes of addresses, so that an erased address is never written to.
    Coupons stay spent, without the contact.
    The caller stops the workflows after the commit. One that is missed ends when it wakes, because
    its run no longer exists.
    """
    await lock_and_read_contacts(conn, ids=[contact_id])
    contact = {"contact": contact_id}
    active = await fetch_all_as(conn, ActiveRun, _ACTIVE_RUNS, contact)
    await add_removed_runs(conn, await fetch_column(conn, _ALL_RUNS, contact))
    for query in _ERASE:
        await execute(conn, query, contact)
    return active

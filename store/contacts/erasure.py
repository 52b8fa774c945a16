"""Erasure of a contact: it is gone at once, and what is left of it is removed page by page.

The first transaction ends the active runs, deletes the contact's row with all that refers to it,
and keeps what is needed to find the rest. From then on nothing finds the contact, and nothing that
locks it goes on. Every table with a column `contact_id` is emptied of it, those of the future too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import bindparam, delete, null, select, update
from sqlmodel import col

from journeys.protocol.channels import CHANNELS
from store.contacts.audit_subjects import forget_in_audit
from store.contacts.erasure_pages import AT_ONCE, add_to_erasure
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.messages.suppressions import suppress
from store.operations.jobs import create_job
from store.sql import (
    Connection,
    Sql,
    execute,
    fetch_column,
    fetch_value,
    name,
    sql,
    statement,
)
from store.tables.contacts import Contact, ContactAlias, Identity
from store.tables.erasures import Erasure
from store.tables.messages import Coupon
from store.tables.runs import Listener

ERASED: Final = "erased"
"""Why the runs of an erased contact ended, and why an address is suppressed by an erasure."""
_SHORTEST_WORD: Final = 8
"""Characters of an id that is searched for as it is; a shorter one only between quotes."""

_WANTED: Final[Any] = bindparam("erasure")


@dataclass(frozen=True, slots=True)
class BegunErasure:
    """An erasure whose first transaction is made."""

    id: UUID
    job_id: UUID
    addresses: list[str]
    """The contact's, for what is kept outside of the database."""


_DELETE_AT_ONCE: Final[Mapping[str, Sql]] = {
    table: sql("delete from {table} where contact_id = %(contact)s", table=name(table))
    for table in AT_ONCE
}
_IDENTITIES = statement(
    select(col(Identity.anonymous_id)).where(col(Identity.contact_id) == bindparam("contact"))
)
_ALIASES = statement(
    select(col(ContactAlias.external_id)).where(
        col(ContactAlias.contact_id) == bindparam("contact")
    )
)
_SUBJECTS = sql("""
select array_agg((parcours.suppression_hashes(digest))[1]) from unnest(%(digests)s::text[]) digest
""")
_INSERT = sql("""
insert into erasure (id, job_id, contact_id, subjects, key_id, requested_by, words, suppressed)
select %(erasure)s, %(job)s, %(contact)s, %(subjects)s, %(key)s,
       coalesce((select coalesce(nullif(name, ''), scope) from api_key where id = %(key)s),
                %(by)s),
       %(words)s, %(suppressed)s
""")
_END_RUNS = sql("""
update run set state = 'ended', outcome = 'removed', reason = %(reason)s,
       ended_at = parcours.clock(), start_workflow = false
where contact_id = %(contact)s and state = 'active'
""")
_DELETE_LISTENERS = statement(
    delete(Listener).where(col(Listener.contact_id) == bindparam("contact"))
)
_FORGET_COUPONS = statement(
    update(Coupon)
    .where(col(Coupon.contact_id) == bindparam("contact"))
    .values(contact_id=null(), run_id=null(), visit=null())
)
# The days on which the contact was targeted keep an id that leads nowhere. What is not folded yet
# comes first: a fold of it that is under way is waited for.
_FORGET_TARGETED: Final = (
    sql("update figure_delta set targeted = %(unlinked)s where targeted = %(contact)s"),
    sql("update targeted_contact set contact_id = %(unlinked)s where contact_id = %(contact)s"),
)
_DELETE_REJECTED = sql("delete from rejected_item where reference = any(%(references)s)")
_DELETE_CONTACT = statement(delete(Contact).where(col(Contact.id) == bindparam("contact")))

_FINISH = sql("""
update erasure set finished_at = parcours.clock(), contact_id = null, words = null,
       searching = null, searched = null
where id = %(erasure)s and finished_at is null
""")
_WITHOUT_JOB = sql("""
select e.id from erasure e
where e.finished_at is null
  and not exists (select from job j where j.id = e.job_id and j.state = 'running')
order by e.requested_at limit 100 for update skip locked
""")
_SET_JOB = statement(
    update(Erasure).where(col(Erasure.id) == _WANTED).values(job_id=bindparam("job"))
)


async def begin_erasure(
    conn: Connection,
    contact_id: UUID,
    *,
    suppressing: bool = False,
    key_id: UUID | None = None,
    by: str = "unknown",
) -> BegunErasure | None:
    """Make a contact unknown in the caller's transaction; None if there is none.

    Its active runs end. Suppressions of its addresses stay, and with `suppressing` all of them are
    suppressed. Coupons stay spent. `key_id` is the API key that asked for it, `by` who did where
    there is no key. The caller works through `erase_page`, and then has the job started.
    """
    locked = await lock_and_read_contacts(conn, ids=[contact_id])
    if not locked:
        return None
    [contact] = locked
    about = {"contact": contact_id}
    ids = [str(contact_id), *await fetch_column(conn, _ALIASES, about)]
    if contact.external_id is not None:
        ids.append(contact.external_id)
    references = [*ids, *await fetch_column(conn, _IDENTITIES, about)]
    digests = [digest_of_id(each) for each in ids]
    erasure_id, job_id = uuid4(), uuid4()
    addresses = [
        (kind, address, ERASED)
        for kind, channel in CHANNELS.items()
        if channel.address_field is not None
        and (address := contact.addresses[channel.address_field]) is not None
    ]
    if suppressing:
        await suppress(conn, addresses)
    await create_job(conn, "erase", None, job_id=job_id, plan={"erasure": str(erasure_id)}, total=0)
    await execute(
        conn,
        _INSERT,
        {
            "erasure": erasure_id,
            "job": job_id,
            "contact": contact_id,
            "subjects": await fetch_value(conn, _SUBJECTS, {"digests": digests}),
            "key": key_id,
            "by": by,
            "words": words_of(contact, references),
            "suppressed": len(addresses) if suppressing else 0,
        },
    )
    await execute(conn, _END_RUNS, {**about, "reason": ERASED})
    removed = {
        "listener": await execute(conn, _DELETE_LISTENERS, about),
        "rejected_item": await execute(conn, _DELETE_REJECTED, {"references": references}),
    }
    await forget_in_audit(conn, contact_id, digest_of_id(str(contact_id)))
    for table, query in _DELETE_AT_ONCE.items():
        removed[table] = await execute(conn, query, about)
    await execute(conn, _FORGET_COUPONS, about)
    unlinked = {**about, "unlinked": uuid4()}
    for query in _FORGET_TARGETED:
        await execute(conn, query, unlinked)
    removed["contact"] = await execute(conn, _DELETE_CONTACT, about)
    await add_to_erasure(conn, erasure_id, removed)
    known = [address for _, address, _ in addresses]
    return BegunErasure(erasure_id, job_id, known)


async def finish_erasure(conn: Connection, erasure_id: UUID) -> None:
    """Finish an erasure: from now on nothing in it names the contact."""
    await execute(conn, _FINISH, {"erasure": erasure_id})


async def resume_erasures(conn: Connection) -> list[UUID]:
    """Make jobs for erasures whose job was stopped before its end, in the caller's transaction."""
    jobs = []
    for erasure_id in await fetch_column(conn, _WITHOUT_JOB):
        job_id = await create_job(conn, "erase", None, plan={"erasure": str(erasure_id)}, total=0)
        await execute(conn, _SET_JOB, {"erasure": erasure_id, "job": job_id})
        jobs.append(job_id)
    return jobs


def words_of(contact: LockedContact, references: Iterable[str]) -> list[str]:
    """What other rows are searched for, in lower case: the addresses and the ids of a contact."""
    found = {each.lower() for each in contact.addresses.values() if each}
    for reference in references:
        low = reference.lower()
        if len(low) >= _SHORTEST_WORD:
            found.add(low)
        else:
            # A short id is part of many words; between these it stands for itself.
            found |= {f"{before}{low}{after}" for before, after in ('""', "''", "()")}
    return sorted(found | {json.dumps(word)[1:-1] for word in found if not word.startswith('"')})


def digest_of_id(reference: str) -> str:
    """The SHA-256 of an id of a contact, in hexadecimal, of which PostgreSQL keeps an HMAC."""
    return sha256(f"contact {reference}".encode()).hexdigest()

"""Contacts as subjects of the audit log, which outlives them.

The log names a contact by our own id and holds none of its values. When two contacts become one,
rows about the one that is gone name the one that stays. When a contact is erased, they name a hash
of its id, the one that the report of the erasure has.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from store.contacts.rows import find_contact
from store.sql import Connection, Sql, execute, fetch_column, sql

KIND: Final = "contact"
"""The kind of the subject."""

# The trigger of the table asks for `parcours.audit`, which `allowed` sets before a row is changed.
REASSIGN_AUDIT: Final[Sql] = sql("""
with allowed as materialized (select set_config('parcours.audit', 'merge', true))
update audit set subject = %(into)s::text from allowed
where subject_kind = 'contact' and subject = %(gone)s::text
""")
"""Gives the rows about the contact `gone` to the contact `into`."""

_FORGET = sql("""
with allowed as materialized (select set_config('parcours.audit', 'erasure', true))
update audit set subject = (parcours.suppression_hashes(%(digest)s))[1] from allowed
where subject_kind = 'contact' and subject = %(contact)s
""")
_HASHES = sql("""
select unnest(parcours.suppression_hashes(%(digest)s))
union
select unnest(e.subjects) from erasure e
where e.subjects && parcours.suppression_hashes(%(digest)s)
""")


async def forget_in_audit(conn: Connection, contact_id: UUID, digest: str) -> int:
    """Put a hash in the place of a contact's id, in the transaction that erases it; the rows.

    `digest` is that of its id, of which PostgreSQL keeps an HMAC.
    """
    return await execute(conn, _FORGET, {"contact": str(contact_id), "digest": digest})


async def audit_subjects_of(conn: Connection, reference: str, digest: str) -> list[str]:
    """What the log may call the contact that has this id, or that had it until its erasure."""
    contact_id = await find_contact(conn, reference)
    if contact_id is not None:
        return [str(contact_id)]
    return [reference, *await fetch_column(conn, _HASHES, {"digest": digest})]

"""Addresses of an occurrence of a schedule: contacts that share one get one copy.

The first run that claims a message to an address has it; its later messages of that occurrence go
there as well, and those of other runs do not.
"""

from __future__ import annotations

from uuid import UUID

from store.messages.suppressions import digest_of
from store.sql import Connection, execute, fetch_value, sql

_TAKE = sql("""
insert into occurrence_address (journey, occurrence, channel, address_hash, run_id)
select r.journey, r.occurrence, %(channel)s, (parcours.suppression_hashes(%(digest)s))[1], r.id
from run r where r.id = %(run)s and r.occurrence is not null
on conflict (journey, occurrence, channel, address_hash) do nothing
""")
# After a conflict, in a statement of its own: it sees what the other transaction has committed.
_OTHER = sql("""
select exists (
    select from run r join occurrence_address a
      on a.journey = r.journey and a.occurrence = r.occurrence
    where r.id = %(run)s and a.run_id <> r.id and a.channel = %(channel)s
      and a.address_hash = (parcours.suppression_hashes(%(digest)s))[1]
)
""")


async def take_address(conn: Connection, run_id: UUID, channel: str, address: str) -> bool:
    """Take an address for a run that a schedule began; False if another run has it.

    Waits for a transaction that is taking the same address. True for a run that no schedule began.
    """
    wanted = {"run": run_id, "channel": channel, "digest": digest_of(address)}
    if await execute(conn, _TAKE, wanted):
        return True
    return not await fetch_value(conn, _OTHER, wanted)

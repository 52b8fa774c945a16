"""The list of suppressions, as operators read, fill and empty it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.protocol.channels import CHANNELS, MESSAGE_KINDS
from store.messages.suppressions import digest_of
from store.sql import Connection, fetch_all, fetch_all_as, fetch_value, sql, statement
from store.tables.contacts import Contact

STOPPED: Final = "stop"
"""The reason of a number whose owner answered STOP: the answer START alone ends it."""
Removal = Literal["removed", "unknown", "stopped"]


@dataclass(frozen=True, slots=True)
class ListedSuppression:
    """An address never to write to again, as its hash."""

    channel: str
    address_hash: str
    reason: str
    suppressed_at: datetime
    by: str | None
    """The key that suppressed it; None if it came back by itself, or by a file."""


@dataclass(frozen=True, slots=True)
class Suppressing:
    """An address that is to be suppressed: in clear, or as the hash of an export."""

    channel: str
    reason: str
    address: str | None = None
    address_hash: str | None = None


@dataclass(frozen=True, slots=True)
class SuppressedContact:
    """A contact that has a suppressed address."""

    channel: str
    address: str
    contact: str
    reason: str
    suppressed_at: datetime


_LISTED = sql("""
s.channel, s.address_hash, s.reason, s.suppressed_at, (
    select a.actor from audit a
    where a.subject_kind = 'suppression' and a.subject = s.channel || '/' || s.address_hash
      and a.action = 'suppression.add'
    order by a.at desc, a.id desc limit 1
) as by
""")
_LIST = sql(
    """
select {listed} from suppression s
where (s.channel, s.address_hash) > (%(channel)s, %(hash)s)
  and (%(only_channel)s::text is null or s.channel = %(only_channel)s)
  and (%(reason)s::text is null or s.reason = %(reason)s)
order by s.channel, s.address_hash limit %(limit)s
""",
    listed=_LISTED,
)
_OF_ADDRESS = sql(
    """
select {listed} from suppression s
where s.channel = any(%(channels)s)
  and s.address_hash = any((select parcours.suppression_hashes(%(digest)s))::text[])
order by s.channel
""",
    listed=_LISTED,
)
# A hash is taken as it is: it can only have come from an export of this installation. Hashes are
# computed once for each row, and found by the index.
_ADD = sql("""
with given as materialized (
    select g.n, g.channel, g.reason, case when g.digest is null then array[g.hash]
           else parcours.suppression_hashes(g.digest) end as hashes
    from unnest(%(numbers)s::int[], %(channels)s::text[], %(digests)s::text[], %(hashes)s::text[],
                %(reasons)s::text[]) as g(n, channel, digest, hash, reason)
), known as materialized (
    select distinct g.n from given g cross join unnest(g.hashes) as h(hash)
    join suppression s on s.channel = g.channel and s.address_hash = h.hash
), added as (
    insert into suppression (channel, address_hash, reason)
    select distinct on (g.channel, g.hashes[1]) g.channel, g.hashes[1], g.reason
    from given g where not exists (select from known k where k.n = g.n)
    order by g.channel, g.hashes[1], g.n
    on conflict (channel, address_hash) do nothing
    returning channel, address_hash, reason
)
select channel, address_hash, reason from added
""")
_COUNT = sql("""
select count(*) from unnest(%(channels)s::text[], %(digests)s::text[], %(hashes)s::text[])
    as g(channel, digest, hash)
where exists (
    select from suppression s where s.channel = g.channel and s.address_hash = any(
        case when g.digest is null then array[g.hash]
             else parcours.suppression_hashes(g.digest) end)
)
""")
_REMOVE = sql("""
with found as (
    select s.channel, s.address_hash, s.reason from suppression s
    where s.channel = %(channel)s and s.address_hash = any(
        case when %(digest)s::text is null then array[%(hash)s::text]
             else parcours.suppression_hashes(%(digest)s) end)
    for update
), gone as (
    delete from suppression s using found f
    where s.channel = f.channel and s.address_hash = f.address_hash
      and not exists (select from found where reason = %(stopped)s)
    returning 1
)
select case when exists (select from found where reason = %(stopped)s) then 'stopped'
            when exists (select from gone) then 'removed' else 'unknown' end
""")
_CONTACTS = statement(
    select(col(Contact.id), col(Contact.external_id), col(Contact.email), col(Contact.phone))
    .where(col(Contact.id) > bindparam("after"))
    .order_by(col(Contact.id))
    .limit(bindparam("limit"))
)
_SUPPRESSED = sql("""
with given as materialized (
    select g.n, g.channel, parcours.suppression_hashes(g.digest) as hashes
    from unnest(%(numbers)s::int[], %(channels)s::text[], %(digests)s::text[])
        as g(n, channel, digest)
)
select g.n, s.reason, s.suppressed_at
from given g cross join unnest(g.hashes) as h(hash)
join suppression s on s.channel = g.channel and s.address_hash = h.hash
order by g.n
""")


async def list_suppressions(
    conn: Connection,
    after: tuple[str, str],
    limit: int,
    *,
    channel: str | None = None,
    reason: str | None = None,
) -> list[ListedSuppression]:
    """Suppressions by channel and hash, from the first one behind `after` on."""
    wanted = {
        "channel": after[0],
        "hash": after[1],
        "only_channel": channel,
        "reason": reason,
        "limit": limit,
    }
    return await fetch_all_as(conn, ListedSuppression, _LIST, wanted)


async def suppressions_of(
    conn: Connection, address: str, channel: str | None = None
) -> list[ListedSuppression]:
    """The suppressions of an address, at most one for each channel."""
    channels = sorted(MESSAGE_KINDS) if channel is None else [channel]
    wanted = {"channels": channels, "digest": digest_of(address)}
    return await fetch_all_as(conn, ListedSuppression, _OF_ADDRESS, wanted)


async def add_suppressions(conn: Connection, suppressing: Sequence[Suppressing]) -> int:
    """Suppress addresses; how many were not suppressed before. Those that were keep their reason.

    The first of several rows for one address counts.
    """
    return len(await suppress_new(conn, suppressing))


async def suppress_new(
    conn: Connection, suppressing: Sequence[Suppressing]
) -> list[tuple[str, str, str]]:
    """Suppress addresses as `add_suppressions`; channel, hash and reason of each that is new."""
    if not suppressing:
        return []
    numbers = list(range(len(suppressing)))
    reasons = [each.reason for each in suppressing]
    wanted = {**_as_columns(suppressing), "numbers": numbers, "reasons": reasons}
    return [(channel, found, why) for channel, found, why in await fetch_all(conn, _ADD, wanted)]


async def count_suppressed(conn: Connection, suppressing: Sequence[Suppressing]) -> int:
    """How many of the addresses are suppressed already."""
    if not suppressing:
        return 0
    counted: int = await fetch_value(conn, _COUNT, _as_columns(suppressing))
    return counted


def _as_columns(suppressing: Sequence[Suppressing]) -> dict[str, list[str | None]]:
    return {
        "channels": [each.channel for each in suppressing],
        "digests": [
            None if each.address is None else digest_of(each.address) for each in suppressing
        ],
        "hashes": [each.address_hash for each in suppressing],
    }


async def remove_suppression(
    conn: Connection, channel: str, *, address: str | None = None, address_hash: str | None = None
) -> Removal:
    """End a suppression of an address, in clear or by its hash.

    It stays if the owner of the number answered STOP (`stopped`).
    """
    removal: Removal = await fetch_value(
        conn,
        _REMOVE,
        {
            "channel": channel,
            "digest": None if address is None else digest_of(address),
            "hash": address_hash,
            "stopped": STOPPED,
        },
    )
    return removal


async def suppressed_contacts(
    conn: Connection, after: UUID, limit: int
) -> tuple[list[SuppressedContact], UUID | None]:
    """The suppressed ones among the next contacts, and the last of these; None after the last."""
    contacts = await fetch_all(conn, _CONTACTS, {"after": after, "limit": limit})
    if not contacts:
        return [], None
    candidates = list(_addresses(contacts))
    rows = await fetch_all(
        conn,
        _SUPPRESSED,
        {
            "numbers": list(range(len(candidates))),
            "channels": [channel for channel, _, _ in candidates],
            "digests": [digest_of(address) for _, address, _ in candidates],
        },
    )
    found = []
    for n, reason, suppressed_at in rows:
        channel, address, contact = candidates[n]
        found.append(SuppressedContact(channel, address, contact, reason, suppressed_at))
    return found, contacts[-1][0]


def _addresses(
    contacts: Iterable[tuple[UUID, str | None, str | None, str | None]],
) -> Iterable[tuple[str, str, str]]:
    for contact_id, external_id, email, phone in contacts:
        known = {"email": email, "phone": phone}
        for name, channel in CHANNELS.items():
            address = known.get(channel.address_field or "")
            if address:
                yield name, address, external_id or str(contact_id)

"""Suppressions: addresses never to write to again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from store.sql import Connection, execute, fetch_value, sql

Suppression = tuple[str, str, str]
"""Channel, address in clear, reason."""

_ADD = sql("""
insert into suppression (channel, address_hash, reason)
select g.channel, hashes[1], g.reason
from unnest(%(channels)s::text[], %(digests)s::text[], %(reasons)s::text[])
    as g(channel, digest, reason)
cross join parcours.suppression_hashes(g.digest) hashes
where not exists (
    select from suppression s where s.channel = g.channel and s.address_hash = any(hashes)
)
on conflict (channel, address_hash) do nothing
""")
_FIND = sql("""
select s.reason from suppression s
where s.channel = %(channel)s
  and s.address_hash = any((select parcours.suppression_hashes(%(digest)s))::text[])
limit 1
""")


def digest_of(address: str) -> str:
    """The SHA-256 of an address, in hexadecimal, of which PostgreSQL keeps an HMAC.

    The digest of a telephone number could be found by trying all numbers; the HMAC cannot, because
    its key belongs to the installation (`PARCOURS_SUPPRESSION_KEY`).

    Case is folded. Nearly everywhere, mailboxes that differ only by case are one mailbox; where
    they are not, one message too few is sent rather than one to an address that refused it.
    """
    return sha256(address.strip().casefold().encode()).hexdigest()


async def suppress(conn: Connection, suppressions: Iterable[Suppression]) -> None:
    """Suppress addresses on their channels; an address that was suppressed keeps its reason."""
    rows = sorted({(channel, digest_of(address), why) for channel, address, why in suppressions})
    if not rows:
        return
    await execute(
        conn,
        _ADD,
        {
            "channels": [channel for channel, _, _ in rows],
            "digests": [digest for _, digest, _ in rows],
            "reasons": [reason for _, _, reason in rows],
        },
    )


async def find_suppression(conn: Connection, channel: str, address: str) -> str | None:
    """Why an address is suppressed on a channel; None if it is not."""
    reason: str | None = await fetch_value(
        conn, _FIND, {"channel": channel, "digest": digest_of(address)}
    )
    return reason

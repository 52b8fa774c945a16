"""Suppressions: addresses never to write to again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from sqlalchemy import bindparam, select
from sqlmodel import col

from store.sql import Connection, execute, fetch_value, sql, statement
from store.tables import contacts

Suppression = tuple[str, str, str]
"""Channel, address in clear, reason."""

_ADD = sql("""
insert into suppression (channel, address_sha256, reason)
select * from unnest(%(channels)s::text[], %(hashes)s::text[], %(reasons)s::text[])
on conflict (channel, address_sha256) do nothing
""")
_FIND = statement(
    select(col(contacts.Suppression.reason)).where(
        col(contacts.Suppression.channel) == bindparam("channel"),
        col(contacts.Suppression.address_sha256) == bindparam("hash"),
    )
)


def hash_address(address: str) -> str:
    """The SHA-256 under which an address is kept, in hexadecimal.

    Case is folded. Nearly everywhere, mailboxes that differ only by case are one mailbox; where
    they are not, one message too few is sent rather than one to an address that refused it.
    """
    return sha256(address.strip().casefold().encode()).hexdigest()


async def suppress(conn: Connection, suppressions: Iterable[Suppression]) -> None:
    """Suppress addresses on their channels; an address that was suppressed keeps its reason."""
    rows = sorted({(channel, hash_address(address), why) for channel, address, why in suppressions})
    if not rows:
        return
    await execute(
        conn,
        _ADD,
        {
            "channels": [channel for channel, _, _ in rows],
            "hashes": [address for _, address, _ in rows],
            "reasons": [reason for _, _, reason in rows],
        },
    )


async def find_suppression(conn: Connection, channel: str, address: str) -> str | None:
    """Why an address is suppressed on a channel; None if it is not."""
    reason: str | None = await fetch_value(
        conn, _FIND, {"channel": channel, "hash": hash_address(address)}
    )
    return reason

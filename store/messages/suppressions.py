"""Suppressions: addresses never to write to again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection

Suppression = tuple[str, str, str]
"""Channel, address in clear, reason."""


def hash_address(address: str) -> str:
    """The SHA-256 under which an address is kept, in hexadecimal.

    Case is folded: mailboxes that differ by case alone are one person's nearly everywhere, and the
    mistake on the other side would be a mail to somebody who asked for none.
    """
    return sha256(address.strip().casefold().encode()).hexdigest()


async def suppress(conn: AsyncConnection[Any], suppressions: Iterable[Suppression]) -> None:
    """Keep addresses as suppressed on their channel; the first reason stays."""
    rows = sorted({(channel, hash_address(address), why) for channel, address, why in suppressions})
    if not rows:
        return
    await conn.execute(
        "insert into suppression (channel, address_sha256, reason)"
        " select * from unnest(%s::text[], %s::text[], %s::text[])"
        " on conflict (channel, address_sha256) do nothing",
        tuple(list(column) for column in zip(*rows, strict=True)),
    )


async def find_suppression(conn: AsyncConnection[Any], channel: str, address: str) -> str | None:
    """Why an address is suppressed on a channel; None if it is not."""
    cursor = await conn.execute(
        "select reason from suppression where channel = %s and address_sha256 = %s",
        (channel, hash_address(address)),
    )
    row = await cursor.fetchone()
    return row[0] if row else None

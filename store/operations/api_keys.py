"""Keys of the API: made once in clear, kept as SHA-256."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Literal, get_args
from uuid import uuid4

from psycopg import AsyncConnection

Scope = Literal["ingest", "operate", "admin"]

_RANKS = {scope: rank for rank, scope in enumerate(get_args(Scope))}


def includes(held: Scope, needed: Scope) -> bool:
    """Whether a key of scope `held` may do what needs `needed`: each includes those before it."""
    return _RANKS[held] >= _RANKS[needed]


def hash_key(plain: str) -> str:
    """What is kept of a key. Keys are random, so a plain hash is enough to hide them."""
    return sha256(plain.encode()).hexdigest()


async def create_key(conn: AsyncConnection[Any], scope: Scope, name: str | None = None) -> str:
    """Make a key; it can be read here and never again.

    Raises ValueError for a scope that there is not.
    """
    if scope not in _RANKS:
        raise ValueError(f"there is no scope {scope!r}: ingest, operate or admin")
    plain = f"pk_{scope}_{token_urlsafe(24)}"
    await conn.execute(
        "insert into api_key (id, sha256, scope, name) values (%s, %s, %s, %s)",
        (uuid4(), hash_key(plain), scope, name),
    )
    return plain


async def find_key(conn: AsyncConnection[Any], plain: str) -> Scope | None:
    """The scope of a key; None if there is no such key, or it was revoked."""
    cursor = await conn.execute(
        "select scope from api_key where sha256 = %s and revoked_at is null", (hash_key(plain),)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def revoke_key(conn: AsyncConnection[Any], plain: str) -> bool:
    """Refuse a key from now on; False if there was none."""
    cursor = await conn.execute(
        "update api_key set revoked_at = parcours.clock() where sha256 = %s and revoked_at is null",
        (hash_key(plain),),
    )
    return cursor.rowcount == 1

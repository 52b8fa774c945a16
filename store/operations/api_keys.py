"""API keys: shown once when they are made, and kept as SHA-256."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_urlsafe
from typing import get_args
from uuid import uuid4

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel import col

from store.sql import Connection, execute, fetch_value, statement
from store.tables.operations import ApiKey
from store.tables.operations import Scope as Scope

_INSERT = statement(
    insert(ApiKey).values(
        {column: bindparam(column) for column in ("id", "sha256", "scope", "name")}
    )
)
_VALID = (col(ApiKey.sha256) == bindparam("hash"), col(ApiKey.revoked_at).is_(None))
_FIND = statement(select(col(ApiKey.scope)).where(*_VALID))
_REVOKE = statement(update(ApiKey).where(*_VALID).values(revoked_at=func.parcours.clock()))

_RANKS = {scope: rank for rank, scope in enumerate(get_args(Scope))}


def includes(granted: Scope, needed: Scope) -> bool:
    """Whether the scope `granted` includes the scope `needed`: each includes those before it."""
    return _RANKS[granted] >= _RANKS[needed]


def hash_key(plain: str) -> str:
    """The hash under which a key is kept. Keys are random, so a hash without a salt hides them."""
    return sha256(plain.encode()).hexdigest()


async def create_key(conn: Connection, scope: Scope, name: str | None = None) -> str:
    """Make a key and return it in clear; only its hash is kept.

    Raises ValueError if there is no such scope.
    """
    if scope not in _RANKS:
        raise ValueError(f"there is no scope {scope!r}: ingest, operate or admin")
    plain = f"pk_{scope}_{token_urlsafe(24)}"
    await execute(
        conn, _INSERT, {"id": uuid4(), "sha256": hash_key(plain), "scope": scope, "name": name}
    )
    return plain


async def find_key(conn: Connection, plain: str) -> Scope | None:
    """The scope of a key; None if there is no such key, or it was revoked."""
    scope: Scope | None = await fetch_value(conn, _FIND, {"hash": hash_key(plain)})
    return scope


async def revoke_key(conn: Connection, plain: str) -> bool:
    """Make a key invalid; False if there was no valid key."""
    return await execute(conn, _REVOKE, {"hash": hash_key(plain)}) == 1

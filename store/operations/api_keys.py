"""API keys: shown once when they are made, kept as SHA-256, and found with their options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, get_args
from uuid import UUID, uuid4

from sqlalchemy import and_, bindparam, func, insert, or_, select, update
from sqlmodel import col

from store.operations.audit import Actor, record_audit
from store.sql import (
    Connection,
    execute,
    fetch_all_as,
    fetch_one_as,
    sql,
    statement,
    table_columns,
)
from store.tables.operations import ApiKey
from store.tables.operations import Scope as Scope

SCOPES: tuple[Scope, ...] = get_args(Scope)

ADDRESS_BUDGET = 1_000
"""Tracking calls a minute from one network address, by a key of browsers: an office shares one."""

_INCLUDED: Mapping[Scope, frozenset[Scope]] = {
    "ingest": frozenset({"ingest"}),
    "read": frozenset({"read"}),
    "edit": frozenset({"edit"}),
    "operate": frozenset({"ingest", "read", "edit", "operate"}),
    "admin": frozenset(SCOPES),
}

_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


def includes(granted: Scope, needed: Scope) -> bool:
    """Whether the scope `granted` includes the scope `needed`."""
    return needed in _INCLUDED[granted]


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """The options of a key."""

    source: str | None = None
    """The keys of one source share the ids of their messages; the scope if None."""
    may_change_addresses: bool | None = None
    """Whether calls may change an address of a contact that has one. None: unless it is `ingest`.
    """
    user_hash_secret: str | None = field(default=None, repr=False)
    """The secret of the HMAC by which a client proves a user id; None: no client can."""
    origins: tuple[str, ...] | None = None
    """The origins whose pages may use the key (`https://shop.example`); None: all."""
    events_per_minute: int | None = None
    """The most tracking calls a minute by this key, for all contacts together; None: no limit."""
    address_events_per_minute: int | None = None
    """The most of them from one network address. None: ADDRESS_BUDGET for a key with origins, else
    no limit."""
    expires_at: datetime | None = None
    """When the key stops working; None: never."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key that was found: its scope and its options, as every call needs them."""

    id: UUID
    name: str
    scope: Scope
    source: str
    may_change_addresses: bool
    user_hash_secret: str | None = field(repr=False)
    origins: tuple[str, ...] | None
    events_per_minute: int | None
    address_events_per_minute: int | None
    expires_at: datetime | None

    def includes(self, needed: Scope) -> bool:
        """Whether the key's scope includes the scope `needed`."""
        return includes(self.scope, needed)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed."""

    id: UUID
    scope: Scope
    name: str | None
    """None: it was made without one, before each had one. See `key_name`."""
    created_at: datetime
    revoked_at: datetime | None
    source: str | None
    may_change_addresses: bool
    user_hash_secret: str | None = field(repr=False)
    origins: list[str] | None
    events_per_minute: int | None
    address_events_per_minute: int | None
    expires_at: datetime | None
    last_used_at: datetime | None


_INSERTED = (
    "id",
    "sha256",
    "scope",
    "name",
    "source",
    "may_change_addresses",
    "user_hash_secret",
    "origins",
    "events_per_minute",
    "address_events_per_minute",
    "expires_at",
)
_INSERT = statement(insert(ApiKey).values({column: bindparam(column) for column in _INSERTED}))
_COLUMNS = table_columns(ApiKey, KeyRow)
_UNREVOKED = col(ApiKey.revoked_at).is_(None)
_FIND = statement(select(*_COLUMNS).where(col(ApiKey.sha256) == bindparam("hash"), _UNREVOKED))
_READ = statement(select(*_COLUMNS).where(col(ApiKey.id) == bindparam("id")))
_NEWEST = (col(ApiKey.created_at).desc(), col(ApiKey.id).desc())
_LIST = statement(select(*_COLUMNS).order_by(*_NEWEST).limit(bindparam("limit")))
_LIST_AFTER = statement(
    select(*_COLUMNS)
    .where(
        or_(
            col(ApiKey.created_at) < bindparam("created_at"),
            and_(
                col(ApiKey.created_at) == bindparam("created_at"), col(ApiKey.id) < bindparam("id")
            ),
        )
    )
    .order_by(*_NEWEST)
    .limit(bindparam("limit"))
)
_REVOKE = statement(
    update(ApiKey)
    .where(col(ApiKey.id) == bindparam("id"), _UNREVOKED)
    .values(revoked_at=func.parcours.clock())
)


# Other processes note the same keys: rows are locked in one order.
_NOTE_USES = sql("""
update api_key k set last_used_at = used.at
from (
    select k.id, u.at from api_key k
    join unnest(%(keys)s::uuid[], %(times)s::timestamptz[]) u(id, at) on u.id = k.id
    where k.last_used_at is null or k.last_used_at < u.at
    order by k.id for update of k
) used
where k.id = used.id
""")


def key_name(key_id: UUID, scope: Scope, name: str | None) -> str:
    """The name of a key; one that was given none has its scope and the beginning of its id."""
    return name or f"{scope} {str(key_id)[:8]}"


def hash_key(plain: str) -> str:
    """The hash under which a key is kept. Keys are random, so a hash without a salt hides them."""
    return sha256(plain.encode()).hexdigest()


async def create_key(
    conn: Connection,
    scope: Scope,
    name: str | None = None,
    options: KeyOptions | None = None,
    *,
    actor: Actor | None = None,
) -> str:
    """`make_key`; returns the key in clear alone."""
    return (await make_key(conn, scope, name, options, actor=actor))[0]


async def make_key(
    conn: Connection,
    scope: Scope,
    name: str | None = None,
    options: KeyOptions | None = None,
    *,
    actor: Actor | None = None,
) -> tuple[str, KeyRow]:
    """Make a key and return it in clear, and as it is listed; only its hash is kept.

    With an `actor`, the audit log says who made it: call it in a transaction then. Raises
    ValueError if there is no such scope.
    """
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope!r}: it is one of {', '.join(SCOPES)}")
    options = options or KeyOptions()
    plain = f"pk_{scope}_{token_urlsafe(24)}"
    key_id = uuid4()
    addresses = options.may_change_addresses
    of_addresses = options.address_events_per_minute
    if of_addresses is None and options.origins:
        of_addresses = ADDRESS_BUDGET
    await execute(
        conn,
        _INSERT,
        {
            "id": key_id,
            "sha256": hash_key(plain),
            "scope": scope,
            "name": key_name(key_id, scope, name),
            "source": options.source,
            # A key of scope `ingest` may be in a page, where anybody can read it.
            "may_change_addresses": scope != "ingest" if addresses is None else addresses,
            "user_hash_secret": options.user_hash_secret,
            "origins": None if options.origins is None else list(options.origins),
            "events_per_minute": options.events_per_minute,
            "address_events_per_minute": of_addresses,
            "expires_at": options.expires_at,
        },
    )
    row = await read_key(conn, key_id)
    assert row is not None
    if actor is not None:
        await record_audit(conn, actor, "key.create", f"key:{key_id}", after=_recorded(row))
    return plain, row


def _recorded(row: KeyRow) -> dict[str, Any]:
    """The options of a key as the audit log keeps them, without its secret."""
    options = {
        "name": row.name,
        "scope": row.scope,
        "source": row.source,
        "may_change_addresses": row.may_change_addresses,
        "user_hash": row.user_hash_secret is not None or None,
        "origins": row.origins,
        "events_per_minute": row.events_per_minute,
        "address_events_per_minute": row.address_events_per_minute,
        "expires": None if row.expires_at is None else row.expires_at.isoformat(),
    }
    return {name: value for name, value in options.items() if value is not None}


async def find_key(conn: Connection, plain: str) -> KeyInfo | None:
    """A key with its options; None if there is no such key, or it was revoked.

    A key that has expired is found: `expires_at` says so.
    """
    # What no key can be is not asked for: it may be a text that cannot be encoded, or a huge one.
    if _KEY.fullmatch(plain) is None:
        return None
    row = await fetch_one_as(conn, KeyRow, _FIND, {"hash": hash_key(plain)})
    return None if row is None else info_of(row)


def info_of(row: KeyRow) -> KeyInfo:
    """A key as every call needs it."""
    return KeyInfo(
        id=row.id,
        name=key_name(row.id, row.scope, row.name),
        scope=row.scope,
        source=row.source or row.scope,
        may_change_addresses=row.may_change_addresses,
        user_hash_secret=row.user_hash_secret,
        origins=None if row.origins is None else tuple(row.origins),
        events_per_minute=row.events_per_minute,
        address_events_per_minute=row.address_events_per_minute,
        expires_at=row.expires_at,
    )


async def read_key(conn: Connection, key_id: UUID) -> KeyRow | None:
    """A key by its id, revoked or not; None if there is none."""
    return await fetch_one_as(conn, KeyRow, _READ, {"id": key_id})


async def list_keys(conn: Connection, after: KeyRow | None, limit: int) -> list[KeyRow]:
    """The keys after one of them, the newest first; revoked ones are among them."""
    if after is None:
        return await fetch_all_as(conn, KeyRow, _LIST, {"limit": limit})
    parameters = {"created_at": after.created_at, "id": after.id, "limit": limit}
    return await fetch_all_as(conn, KeyRow, _LIST_AFTER, parameters)


async def revoke_key(conn: Connection, key_id: UUID) -> bool:
    """Make a key invalid; False if there is no key of this id that is still valid."""
    return await execute(conn, _REVOKE, {"id": key_id}) == 1


async def note_uses(conn: Connection, uses: Mapping[UUID, datetime]) -> None:
    """Record when keys were last used; a later use that is recorded already stays."""
    await execute(conn, _NOTE_USES, {"keys": list(uses), "times": list(uses.values())})

"""Sessions of the console: kept as SHA-256, found with their keys, and ended by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final
from uuid import UUID

from store.operations.api_keys import KeyInfo, hash_key, info_of, read_key
from store.operations.audit import Actor, record_audit
from store.sql import Connection, execute, fetch_one, sql

IDLE: Final = timedelta(hours=12)
"""A session that was not used for as long has ended."""
LONGEST: Final = timedelta(days=7)
"""A session that began as long ago has ended."""
MOST: Final = 20
"""Sessions of one key at the same time; beyond them the one ends that was used longest ago."""
_TOUCHED: Final = timedelta(minutes=1)

_ENDED = sql("""
(s.began_at <= parcours.clock() - %(longest)s or s.used_at <= parcours.clock() - %(idle)s)
""")
_LOCK_KEY = sql("select 1 from api_key where id = %(key)s and revoked_at is null for no key update")
_REMOVE_ENDED = sql(
    "delete from console_session s where s.key_id = %(key)s and {ended}", ended=_ENDED
)
_REMOVE_SURPLUS = sql("""
delete from console_session where sha256 = any(array(
    select sha256 from console_session where key_id = %(key)s
    order by used_at desc, began_at desc offset %(kept)s))
""")
_INSERT = sql("insert into console_session (sha256, key_id) values (%(hash)s, %(key)s)")
_FIND = sql(
    "select s.key_id, s.began_at, s.used_at, s.used_at < parcours.clock() - %(touched)s"
    " from console_session s where s.sha256 = %(hash)s and not {ended}",
    ended=_ENDED,
)
_TOUCH = sql("update console_session set used_at = parcours.clock() where sha256 = %(hash)s")
_REMOVE = sql("delete from console_session where sha256 = %(hash)s returning key_id")

_LIMITS: Final = {"longest": LONGEST, "idle": IDLE, "touched": _TOUCHED}


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A session that has not ended, with its key."""

    key: KeyInfo
    expires_at: datetime
    """When it ends, if it is not used until then. The key may expire before."""


async def begin_session(conn: Connection, key: KeyInfo, actor: Actor) -> str | None:
    """Begin a session of a key, in a transaction; its token in clear, which is not kept.

    None: the key was revoked meanwhile.
    """
    if await fetch_one(conn, _LOCK_KEY, {"key": key.id}) is None:
        return None
    await execute(conn, _REMOVE_ENDED, {"key": key.id, **_LIMITS})
    await execute(conn, _REMOVE_SURPLUS, {"key": key.id, "kept": MOST - 1})
    token = token_urlsafe(32)
    await execute(conn, _INSERT, {"hash": hash_key(token), "key": key.id})
    await record_audit(conn, actor, "key.sign_in", f"key:{key.id}")
    return token


async def find_session(conn: Connection, token: str) -> ConsoleSession | None:
    """A session with its key; None if there is none, it has ended, or its key was revoked.

    Its use is recorded, at most once a minute.
    """
    found = await fetch_one(conn, _FIND, {"hash": hash_key(token), **_LIMITS})
    if found is None:
        return None
    key_id, began_at, used_at, touch = found
    key = await read_key(conn, key_id)
    if key is None or key.revoked_at is not None:
        return None
    if touch:
        await execute(conn, _TOUCH, {"hash": hash_key(token)})
    return ConsoleSession(info_of(key), min(used_at + IDLE, began_at + LONGEST))


async def remove_session(conn: Connection, token: str) -> UUID | None:
    """End a session; the id of its key, or None if there is no such session."""
    removed = await fetch_one(conn, _REMOVE, {"hash": hash_key(token)})
    return None if removed is None else removed[0]

"""Documents besides journeys: segments, templates, topics, places and channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class StoredDocument:
    """A document as it is kept."""

    kind: str
    key: str
    version: int
    document: dict[str, Any]
    source: str
    updated_at: datetime


@dataclass(frozen=True)
class Saved:
    """What saving a document came to."""

    version: int
    new: bool
    """There was none of this key before."""
    changed: bool
    """A version was made: the content was not the newest version's."""


def hash_content(document: dict[str, Any]) -> str:
    """The SHA-256 of a dumped definition, whatever the order of its keys."""
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def lock_catalog(conn: AsyncConnection[Any]) -> None:
    """Let writers of definitions take turns, until the transaction ends."""
    await conn.execute("select revision from catalog for no key update")


async def bump_catalog(conn: AsyncConnection[Any]) -> None:
    """Tell every process that keeps definitions in memory to read them again."""
    await conn.execute("update catalog set revision = revision + 1")


async def save_document(
    conn: AsyncConnection[Any], kind: str, key: str, document: dict[str, Any], source: str
) -> Saved:
    """Keep a document; it counts from the commit on. The catalog is locked by the caller."""
    content = hash_content(document)
    cursor = await conn.execute(
        "select version, sha256 from document where kind = %s and key = %s", (kind, key)
    )
    row = await cursor.fetchone()
    if row is not None and row[1] == content:
        return Saved(row[0], new=False, changed=False)
    version = row[0] + 1 if row is not None else 1
    await conn.execute(
        """
        insert into document (kind, key, version, document, source, sha256)
        values (%s, %s, %s, %s, %s, %s)
        on conflict (kind, key) do update
        set version = excluded.version, document = excluded.document, source = excluded.source,
            sha256 = excluded.sha256, updated_at = parcours.clock()
        """,
        (kind, key, version, Jsonb(document), source, content),
    )
    await bump_catalog(conn)
    return Saved(version, new=row is None, changed=True)


async def read_document(conn: AsyncConnection[Any], kind: str, key: str) -> StoredDocument | None:
    """A document by its kind and key."""
    async with conn.cursor(row_factory=class_row(StoredDocument)) as cursor:
        await cursor.execute(
            "select kind, key, version, document, source, updated_at from document"
            " where kind = %s and key = %s",
            (kind, key),
        )
        return await cursor.fetchone()


async def list_documents(
    conn: AsyncConnection[Any], kind: str, after: str, limit: int
) -> list[StoredDocument]:
    """Documents of a kind by key, those beyond `after`."""
    async with conn.cursor(row_factory=class_row(StoredDocument)) as cursor:
        await cursor.execute(
            "select kind, key, version, document, source, updated_at from document"
            " where kind = %s and key > %s order by key limit %s",
            (kind, after, limit),
        )
        return await cursor.fetchall()


async def known_keys(conn: AsyncConnection[Any]) -> dict[str, set[str]]:
    """The keys of all documents by kind, journeys and pools of coupons included."""
    cursor = await conn.execute(
        "select kind, key from document union all select 'journey', key from journey"
        " union all select 'pool', key from coupon_pool"
    )
    known: dict[str, set[str]] = {}
    for kind, key in await cursor.fetchall():
        known.setdefault(kind, set()).add(key)
    return known

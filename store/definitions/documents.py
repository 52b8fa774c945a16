"""Documents other than journeys: segments, templates, topics, places and channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, select, update
from sqlmodel import col

from store.sql import (
    execute,
    fetch_all,
    fetch_all_as,
    fetch_one,
    fetch_one_as,
    sql,
    statement,
    table_columns,
)
from store.tables.definitions import Catalog, DocumentRow


@dataclass(frozen=True)
class StoredDocument:
    """A document as PostgreSQL stores it."""

    kind: str
    key: str
    version: int
    document: dict[str, Any]
    source: str
    updated_at: datetime


@dataclass(frozen=True)
class Saved:
    """The result of saving a document."""

    version: int
    new: bool
    """There was no document of this key before."""
    changed: bool
    """A version was made, because the content differs from the newest version's."""
    rewritten: bool = False
    """Only the text differs: comments, order, quotes. It took the place of the version's text."""


_OF_KIND_AND_KEY = (
    col(DocumentRow.kind) == bindparam("kind"),
    col(DocumentRow.key) == bindparam("key"),
)
_LOCK_CATALOG = statement(select(col(Catalog.revision)).with_for_update(key_share=True))
_BUMP_CATALOG = statement(update(Catalog).values(revision=col(Catalog.revision) + 1))
_CONTENT = statement(
    select(col(DocumentRow.version), col(DocumentRow.sha256)).where(*_OF_KIND_AND_KEY)
)
_SAVE = sql("""
with kept as (
    insert into document_version (kind, key, version, document, source, saved_by)
    values (%(kind)s, %(key)s, %(version)s, %(document)s, %(source)s, %(by)s)
    on conflict do nothing
)
insert into document (kind, key, version, document, source, sha256)
values (%(kind)s, %(key)s, %(version)s, %(document)s, %(source)s, %(sha256)s)
on conflict (kind, key) do update
set version = excluded.version, document = excluded.document, source = excluded.source,
    sha256 = excluded.sha256, updated_at = parcours.clock()
""")
# A program that writes JSON has no comments to say.
KEEPS_TEXT = sql("(source = %(source)s or (starts_with(ltrim(%(source)s), '{')"
                 " and not starts_with(ltrim(source), '{')))")  # fmt: skip
"""Whether the text of a version stays, where its content does."""
_REWRITE = sql("""
with kept as (
    update document_version set source = %(source)s
    where kind = %(kind)s and key = %(key)s and version = %(version)s and not {keeps}
)
update document set source = %(source)s
where kind = %(kind)s and key = %(key)s and not {keeps}
""", keeps=KEEPS_TEXT)  # fmt: skip
_DOCUMENTS = select(*table_columns(DocumentRow, StoredDocument))
_READ = statement(_DOCUMENTS.where(*_OF_KIND_AND_KEY))
_LIST = statement(
    _DOCUMENTS.where(
        col(DocumentRow.kind) == bindparam("kind"), col(DocumentRow.key) > bindparam("after")
    )
    .order_by(col(DocumentRow.key))
    .limit(bindparam("limit"))
)
_KNOWN_KEYS = sql(
    """
    select kind, key from document
    union all select 'journey', key from journey
    union all select 'pool', key from coupon_pool
    union all select 'file', name from uploaded_file
    """
)
_FORMS_AND_TOPICS = sql("""
select kind, key, document->>'default', document->>'topic'
from document where kind in ('form', 'topic')
""")


def hash_content(document: dict[str, Any]) -> str:
    """The SHA-256 of a dumped definition; the order of its keys does not matter."""
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def lock_catalog(conn: AsyncConnection[Any]) -> None:
    """Lock the catalog until the transaction ends: writers of definitions take turns."""
    await execute(conn, _LOCK_CATALOG)


async def bump_catalog(conn: AsyncConnection[Any]) -> None:
    """Raise the catalog's revision: every process that caches definitions reads them again."""
    await execute(conn, _BUMP_CATALOG)


async def save_document(
    conn: AsyncConnection[Any],
    kind: str,
    key: str,
    document: dict[str, Any],
    source: str,
    *,
    by: str | None = None,
) -> Saved:
    """Save a document, in effect from the commit on. The caller has locked the catalog.

    `by` is the name of the key that saves it. Its version is kept. No version is made for the same
    content; another text, with other comments, takes the place of the version's text.
    """
    content = hash_content(document)
    stored = await fetch_one(conn, _CONTENT, {"kind": kind, "key": key})
    if stored is not None and stored[1] == content:
        text = {"kind": kind, "key": key, "version": stored[0], "source": source}
        rewritten = await execute(conn, _REWRITE, text) > 0
        return Saved(stored[0], new=False, changed=False, rewritten=rewritten)
    version = stored[0] + 1 if stored is not None else 1
    await execute(
        conn,
        _SAVE,
        {
            "kind": kind,
            "key": key,
            "version": version,
            "document": Jsonb(document),
            "source": source,
            "sha256": content,
            "by": by,
        },
    )
    await bump_catalog(conn)
    return Saved(version, new=stored is None, changed=True)


async def read_document(conn: AsyncConnection[Any], kind: str, key: str) -> StoredDocument | None:
    """A document by its kind and key; None if there is none."""
    return await fetch_one_as(conn, StoredDocument, _READ, {"kind": kind, "key": key})


async def list_documents(
    conn: AsyncConnection[Any], kind: str, after: str, limit: int
) -> list[StoredDocument]:
    """Documents of a kind in the order of their keys, from the first key after `after` on."""
    parameters = {"kind": kind, "after": after, "limit": limit}
    return await fetch_all_as(conn, StoredDocument, _LIST, parameters)


async def known_keys(conn: AsyncConnection[Any]) -> dict[str, set[str]]:
    """The keys of all documents by kind, with those of journeys and of pools of coupons."""
    known: dict[str, set[str]] = {}
    for kind, key in await fetch_all(conn, _KNOWN_KEYS):
        known.setdefault(kind, set()).add(key)
    return known


async def forms_and_topics(
    conn: AsyncConnection[Any],
) -> tuple[dict[str, str | None], dict[str, str]]:
    """The topic of each form, None for a form without one, and the default of each topic."""
    rows = await fetch_all(conn, _FORMS_AND_TOPICS)
    forms = {key: topic for kind, key, _, topic in rows if kind == "form"}
    return forms, {key: default or "" for kind, key, default, _ in rows if kind == "topic"}

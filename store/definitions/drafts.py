"""Drafts of documents: working copies that the console keeps, and who edits them now.

A draft is a text, finished or not. It is no version: nothing runs by it, and it goes when the same
text is saved as a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from store.sql import Connection, execute, fetch_all, fetch_all_as, fetch_one_as, fetch_value, sql

MOST_DRAFTS: Final = 5_000
MOST_EDITORS: Final = 50
"""Pages that are listed as editing one document; further ones are not."""
SEEN_FOR: Final = timedelta(seconds=30)
"""A page that did not say for as long that it is there is no longer listed."""
NO_REVISION: Final = 0
"""The revision of a draft that is not there."""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft without its text."""

    kind: str
    key: str
    base_version: int | None
    revision: int
    saved_by: str
    saved_at: datetime
    newest_version: int | None
    """Of the document that is saved; None if there is none."""


@dataclass(frozen=True, slots=True)
class Draft(DraftRow):
    """A draft."""

    text: str


@dataclass(frozen=True, slots=True)
class Editor:
    """A page in which a document is edited now."""

    editor: str
    name: str
    since: datetime


class DraftChanged(Exception):
    """The draft has another revision than the one that was to be replaced."""

    def __init__(self, draft: Draft | None) -> None:
        super().__init__("the draft has changed")
        self.draft = draft
        """As it is now; None if there is none any more."""


class TooManyDrafts(Exception):
    """There are as many drafts as there may be."""


_NEWEST = sql("""
case when d.kind = 'journey'
    then (select max(v.version) from journey_version v where v.journey = d.key)
    else (select o.version from document o where o.kind = d.kind and o.key = d.key) end
""")
_ROW = sql(
    "d.kind, d.key, d.base_version, d.revision, d.saved_by, d.saved_at, {newest} newest_version",
    newest=_NEWEST,
)
_READ = sql(
    "select {row}, d.text from console_draft d where d.kind = %(kind)s and d.key = %(key)s",
    row=_ROW,
)
_LIST = sql(
    "select {row} from console_draft d"
    " where (%(kind)s::text is null or d.kind = %(kind)s)"
    "   and (d.kind, d.key) > (%(after_kind)s, %(after_key)s)"
    " order by d.kind, d.key limit %(limit)s",
    row=_ROW,
)
_LOCK = sql("""
select revision, text, base_version from console_draft
where kind = %(kind)s and key = %(key)s for update
""")
_COUNT = sql("select count(*) from console_draft")
_INSERT = sql("""
insert into console_draft (kind, key, text, base_version, revision, saved_by)
values (%(kind)s, %(key)s, %(text)s, %(base)s, nextval('console_draft_revision'), %(by)s)
on conflict do nothing
""")
_REPLACE = sql("""
update console_draft
set text = %(text)s, base_version = %(base)s, revision = nextval('console_draft_revision'),
    saved_by = %(by)s, saved_at = parcours.clock()
where kind = %(kind)s and key = %(key)s
""")
_DELETE = sql("delete from console_draft where kind = %(kind)s and key = %(key)s")
_DELETE_SAVED = sql("""
delete from console_draft
where kind = %(kind)s and key = %(key)s and md5(text) = md5(%(text)s) and text = %(text)s
""")
_FORGET_EDITORS = sql("""
delete from console_editor
where seen_at < parcours.clock() - %(seen_for)s
   or (kind = %(kind)s and key = %(key)s and editor = %(leaving)s)
""")
_NOTE_EDITOR = sql("""
insert into console_editor (kind, key, editor, name)
select %(kind)s, %(key)s, %(editor)s, %(name)s
where (select count(*) from console_editor
       where kind = %(kind)s and key = %(key)s and editor <> %(editor)s) < %(most)s
on conflict (kind, key, editor) do update set name = excluded.name, seen_at = parcours.clock()
""")
_EDITORS = sql("""
select editor, name, since from console_editor
where kind = %(kind)s and key = %(key)s and seen_at >= parcours.clock() - %(seen_for)s
order by since, editor
""")
_SAVED_VERSION = sql(
    "select {newest} from (values (%(kind)s::text, %(key)s::text)) d (kind, key)", newest=_NEWEST
)


async def read_draft(conn: Connection, kind: str, key: str) -> Draft | None:
    """The draft of a document; None if there is none."""
    return await fetch_one_as(conn, Draft, _READ, {"kind": kind, "key": key})


async def list_drafts(
    conn: Connection, kind: str | None, after: tuple[str, str], limit: int
) -> list[DraftRow]:
    """Drafts by kind and key, without their texts, from the first after `after` on."""
    return await fetch_all_as(
        conn,
        DraftRow,
        _LIST,
        {"kind": kind, "after_kind": after[0], "after_key": after[1], "limit": limit},
    )


async def save_draft(
    conn: Connection, kind: str, key: str, text: str, *, base: int | None, replaced: int, by: str
) -> Draft:
    """Save a draft in the place of the one of the revision `replaced`, in a transaction.

    `replaced` is NO_REVISION if there was none. The same text keeps its revision. Raises
    DraftChanged, and TooManyDrafts.
    """
    place = {"kind": kind, "key": key}
    values = {**place, "text": text, "base": base, "by": by}
    [stored] = await fetch_all(conn, _LOCK, place) or [(NO_REVISION, None, None)]
    if stored[0] != replaced:
        raise DraftChanged(await read_draft(conn, kind, key))
    if stored[1] is None:
        if await fetch_value(conn, _COUNT) >= MOST_DRAFTS:
            raise TooManyDrafts
        # Another page may have saved one since it was looked for.
        if not await execute(conn, _INSERT, values):
            raise DraftChanged(await read_draft(conn, kind, key))
    elif (stored[1], stored[2]) != (text, base):
        await execute(conn, _REPLACE, values)
    draft = await read_draft(conn, kind, key)
    assert draft is not None
    return draft


async def delete_draft(conn: Connection, kind: str, key: str, *, replaced: int) -> bool:
    """Delete the draft of a revision, in a transaction; False if there is none.

    Raises DraftChanged if it has another revision.
    """
    place = {"kind": kind, "key": key}
    stored = await fetch_all(conn, _LOCK, place)
    if not stored:
        return False
    if stored[0][0] != replaced:
        raise DraftChanged(await read_draft(conn, kind, key))
    await execute(conn, _DELETE, place)
    return True


async def delete_saved_draft(conn: Connection, kind: str, key: str, text: str) -> None:
    """Delete the draft of a document that was saved, if that is its text."""
    await execute(conn, _DELETE_SAVED, {"kind": kind, "key": key, "text": text})


async def note_editor(conn: Connection, kind: str, key: str, editor: str, name: str) -> None:
    """Note that a page edits a document now."""
    place = {"kind": kind, "key": key, "editor": editor}
    await execute(conn, _FORGET_EDITORS, {**place, "leaving": None, "seen_for": SEEN_FOR})
    await execute(conn, _NOTE_EDITOR, {**place, "name": name, "most": MOST_EDITORS})


async def forget_editor(conn: Connection, kind: str, key: str, editor: str) -> None:
    """Note that a page no longer edits a document."""
    place = {"kind": kind, "key": key}
    await execute(conn, _FORGET_EDITORS, {**place, "leaving": editor, "seen_for": SEEN_FOR})


async def editors_of(conn: Connection, kind: str, key: str) -> list[Editor]:
    """The pages in which a document is edited now, the first one first."""
    place = {"kind": kind, "key": key, "seen_for": SEEN_FOR}
    return await fetch_all_as(conn, Editor, _EDITORS, place)


async def saved_version(conn: Connection, kind: str, key: str) -> int | None:
    """The newest version of a document; None if it was never saved."""
    version: int | None = await fetch_value(conn, _SAVED_VERSION, {"kind": kind, "key": key})
    return version

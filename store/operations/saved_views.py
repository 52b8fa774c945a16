"""Saved views of the console: lists with their filters, of one key or shared by all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.sql import Connection, execute, fetch_all_as, fetch_one_as, fetch_value, sql

MOST_VIEWS: Final = 200
"""Views of one key, and shared ones."""
SHARED: Final = ""
"""The owner of a view that is shared."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A list with its filters, under a name."""

    name: str
    page: str
    query: str
    shared: bool
    saved_by: str
    saved_at: datetime


class TooManyViews(Exception):
    """There are as many views as there may be."""


_COLUMNS = sql("name, page, query, owner = '' as shared, saved_by, saved_at")
_LIST = sql(
    "select {columns} from console_view"
    " where owner in ('', %(key)s) and (%(page)s::text is null or page = %(page)s)"
    " and (name, owner) > (%(after_name)s, %(after_owner)s) order by name, owner limit %(limit)s",
    columns=_COLUMNS,
)
_READ = sql(
    "select {columns} from console_view where name = %(name)s and owner in ('', %(owner)s)"
    " order by owner desc limit 1",
    columns=_COLUMNS,
)
_COUNT = sql("select count(*) from console_view where owner = %(owner)s and name <> %(name)s")
_SAVE = sql("""
insert into console_view (owner, name, page, query, saved_by)
values (%(owner)s, %(name)s, %(page)s, %(query)s, %(by)s)
on conflict (owner, name) do update
set page = excluded.page, query = excluded.query, saved_by = excluded.saved_by,
    saved_at = parcours.clock()
""")
_DELETE = sql("delete from console_view where owner = %(owner)s and name = %(name)s")


async def list_views(
    conn: Connection, key: UUID, page: str | None, after: tuple[str, bool], limit: int
) -> list[SavedView]:
    """The views of a key and those that are shared, by name, from the first after `after` on:
    a name, and whether that one was shared. `page`: those of one page alone."""
    name, shared = after
    wanted = {
        "key": str(key),
        "page": page,
        "after_name": name,
        "after_owner": SHARED if shared else str(key),
        "limit": limit,
    }
    return await fetch_all_as(conn, SavedView, _LIST, wanted)


async def read_view(conn: Connection, owner: str, name: str) -> SavedView | None:
    """The view of a name: that of the owner, else the one that is shared; None if there is none."""
    return await fetch_one_as(conn, SavedView, _READ, {"owner": owner, "name": name})


async def save_view(
    conn: Connection, owner: str, name: str, page: str, query: str, *, by: str
) -> None:
    """Save a view, in the place of the one that the owner has under this name.

    Raises TooManyViews.
    """
    if await fetch_value(conn, _COUNT, {"owner": owner, "name": name}) >= MOST_VIEWS:
        raise TooManyViews
    values = {"owner": owner, "name": name, "page": page, "query": query, "by": by}
    await execute(conn, _SAVE, values)


async def delete_view(conn: Connection, owner: str, name: str) -> bool:
    """Delete the view that an owner has under a name; False if there is none."""
    return await execute(conn, _DELETE, {"owner": owner, "name": name}) > 0

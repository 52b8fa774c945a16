"""Paging of lists: `limit` and `cursor` of a request, and the `next` of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query

from api.http.problems import Problem

Row = TypeVar("Row")

Cursor = Annotated[str, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]


def page_of(
    rows: Sequence[Row], limit: int, key: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """The first `limit` rows, and the cursor of the page after them.

    `rows` are up to `limit + 1` of them: without the last one there is no page after this one. The
    cursor is the `key` of the page's last row.
    """
    page = rows[:limit]
    return page, key(page[-1]) if len(rows) > limit else None


def cursor_id(cursor: str) -> UUID:
    """The id that a cursor is. Raises Problem 400 if it is none."""
    try:
        return UUID(cursor)
    except ValueError:
        raise unknown_cursor(cursor) from None


def cursor_number(cursor: str) -> int:
    """The number that a cursor is, of 64 bits. Raises Problem 400 if it is none."""
    if not cursor.isdecimal() or len(cursor) > 18:
        raise unknown_cursor(cursor)
    return int(cursor)


def unknown_cursor(cursor: str) -> Problem:
    """Problem 400: no page has this `next`."""
    shown = cursor[:60].encode("utf-8", "replace").decode()
    return Problem(
        400, "invalid_cursor", f"cursor: {shown!r} is not the `next` of a page of this list"
    )

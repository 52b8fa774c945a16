"""Routes of exports: the rows of an installation, page by page, for a warehouse."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, unknown_cursor
from api.http.problems import responses
from api.http.times import format_time
from api.services import UsedServices
from store.reports.raw_rows import RawTable, cursor_of, read_raw_rows

router = APIRouter(
    prefix="/v1/export",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("admin"))],
)

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CURSORS: Final[dict[RawTable, str]] = {
    "runs": rf"({_UUID})",
    "visits": rf"({_UUID}):([0-9]{{1,9}})",
    "messages": rf"({_UUID})",
    "events": r"([0-9]{1,18})",
}


class RawPage(BaseModel):
    """A page of rows, each an object of its columns."""

    items: list[dict[str, Any]]
    next: str | None


@router.get(
    "/{table}", summary="Export rows", response_model=RawPage, responses=responses(400, 422)
)
async def get_rows(
    table: Annotated[RawTable, Path()],
    services: UsedServices,
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
) -> Response:
    """All runs, visits, messages or events, in the order of their ids. It needs scope admin.

    `parcours export` writes them as Parquet.
    """
    after = None
    if cursor:
        parts = re.fullmatch(_CURSORS[table], cursor, re.ASCII)
        if parts is None:
            raise unknown_cursor(cursor)
        after = parts.groups()
    async with services.pool.connection() as conn:
        rows = await read_raw_rows(conn, table, after, limit)
    following = ":".join(cursor_of(table, rows[-1])) if len(rows) == limit else None
    items = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return JSONResponse({"items": items, "next": following})


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool | dict | list):
        return value
    return format_time(value) if hasattr(value, "astimezone") else str(value)

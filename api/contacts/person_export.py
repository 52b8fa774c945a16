"""Route of the export of everything that is held about a person: as JSON, or as a readable page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection, IsolationLevel

from api.contacts.contacts import ContactId
from api.contacts.person_page import PAGE_HEADERS, page_end, page_head, page_row, section_head
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses, unknown
from api.http.times import format_time
from api.services import Pool, UsedServices
from store.contacts.rows import find_contact
from store.operations.audit import record_audit
from store.reports.person_export import Section, export_rows

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("admin"))],
)

ExportAs = Literal["json", "html"]
_PART: Final = 65_536
"""Characters that are sent at once."""
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Everything that is held about the contact",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["contact", "exported_at", "data"],
                    "properties": {
                        "contact": {"type": "string"},
                        "exported_at": {"type": "string", "format": "date-time"},
                        "data": {
                            "type": "object",
                            "description": "The rows of each table that are about the contact.",
                            "additionalProperties": {
                                "type": "array",
                                "items": {"type": "object"},
                            },
                        },
                    },
                }
            },
            "text/html": {"schema": {"type": "string"}},
        },
    }
}


@router.get(
    "/{contact}/export",
    summary="Export everything that is held about a contact",
    response_class=StreamingResponse,
    responses={**_ANSWERS, **responses(404, 422)},
)
async def export_person(
    contact: ContactId,
    services: UsedServices,
    actor: UsedActor,
    format_: Annotated[
        ExportAs | None,
        Query(alias="format", description="By default what `Accept` prefers, else json."),
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> StreamingResponse:
    """Everything that is held about a contact, for that person: as JSON or as a page to read.

    It is of one instant, and is sent while it is read.
    """
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        await record_audit(conn, actor, "contact.show", f"contact:{contact_id}")
    if format_ == "html" or (format_ is None and accept.strip().lower().startswith("text/html")):
        return StreamingResponse(
            _in_parts(_page(services.pool, contact_id, contact)),
            media_type="text/html",
            headers=PAGE_HEADERS,
        )
    return StreamingResponse(
        _in_parts(_json(services.pool, contact_id, contact)),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _json(pool: Pool, contact_id: UUID, reference: str) -> AsyncIterator[str]:
    head = {"contact": reference, "exported_at": format_time(datetime.now(UTC))}
    yield f'{json.dumps(head)[:-1]}, "data": {{'

    def begin(section: Section, first: bool) -> str:
        return f"{'' if first else ', '}{json.dumps(section.table)}: ["

    async for each in _sections(pool, contact_id, begin, _json_row, "]"):
        yield each
    yield "}}"


def _json_row(row: dict[str, Any], first: bool) -> str:
    return f"{'' if first else ', '}{json.dumps(row, ensure_ascii=False)}"


async def _page(pool: Pool, contact_id: UUID, reference: str) -> AsyncIterator[str]:
    yield page_head(reference, datetime.now(UTC))

    def begin(section: Section, first: bool) -> str:
        return section_head(section.title, first=first)

    async for each in _sections(pool, contact_id, begin, page_row, "</section>\n"):
        yield each
    yield page_end()


async def _sections(
    pool: Pool,
    contact_id: UUID,
    begin: Callable[[Section, bool], str],
    write: Callable[[dict[str, Any], bool], str],
    end: str,
) -> AsyncIterator[str]:
    """The text of all sections that have rows, read from one snapshot."""
    async with pool.connection() as conn:
        conn_: AsyncConnection[Any] = conn
        await conn_.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        try:
            async with conn_.transaction():
                none_yet = True
                async for section, rows in export_rows(conn_, contact_id):
                    empty = True
                    async for row in rows:
                        if empty:
                            yield begin(section, none_yet)
                        yield write(row, empty)
                        empty = none_yet = False
                    if not empty:
                        yield end
        finally:
            await conn_.set_isolation_level(None)


async def _in_parts(texts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """The texts, joined to parts of a size that is worth a packet."""
    waiting: list[str] = []
    size = 0
    async for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _PART:
            yield "".join(waiting).encode("utf-8", "replace")
            waiting, size = [], 0
    yield "".join(waiting).encode("utf-8", "replace")

"""Routes of recipients: to whom a journey's messages went, and what came of them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.http.times import format_time
from api.messages.messages import MessagePage, Status, message_page, parse_message_cursor
from api.services import Services, UsedServices
from journeys.protocol.channels import ChannelName
from journeys.protocol.message_status import RECORDED_STATUSES
from store.reports.message_listing import ListedMessage, list_recipients
from store.sql import fetch_value, sql

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)
_PAGE: Final = 1_000
"""Messages of one statement of an export."""
_STATUSES: Final = (*RECORDED_STATUSES, "unsubscribed")
_HEADER: Final = (
    "contact", "address", "journey", "version", "step", "channel", "topic", "state", "code",
    "message", "run", "sent_at", *(f"{status}_at" for status in _STATUSES),
)  # fmt: skip

Step = Annotated[str | None, Query(max_length=64)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)]


@router.get(
    "/{key}/messages", summary="List the recipients of a journey", responses=responses(404, 422)
)
async def get_recipients(
    key: Key,
    services: UsedServices,
    version: Version = None,
    step: Step = None,
    channel: ChannelName | None = None,
    status: Status = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> MessagePage:
    """The journey's messages that meet all filters, those of the newest run first.

    A page may have fewer messages than `limit` although there is another one: go on while `next` is
    not null.
    """
    before = parse_message_cursor(cursor)
    async with services.pool.connection() as conn:
        await _check_journey(conn, key)
        found = await list_recipients(
            conn, key, version=version, step=step, channel=channel, status=status,
            before=before, limit=limit,
        )  # fmt: skip
    return message_page(found)


@router.get(
    "/{key}/messages/export",
    summary="Download the recipients of a journey",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}, **responses(404, 422)},
    dependencies=[Depends(requires("admin"))],
)
async def get_recipients_file(
    key: Key,
    services: UsedServices,
    version: Version = None,
    step: Step = None,
    channel: ChannelName | None = None,
    status: Status = None,
) -> StreamingResponse:
    """The same as CSV, all of it, with addresses. It needs a key of scope admin."""
    async with services.pool.connection() as conn:
        await _check_journey(conn, key)
    filters = {"version": version, "step": step, "channel": channel, "status": status}
    return StreamingResponse(
        _lines(services, key, filters),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{quote(f"{key}.recipients.csv")}"',
            "Cache-Control": "no-store",
        },
    )


_EXISTS: Final = sql("select exists (select from journey where key = %(key)s)")


async def _check_journey(conn: Any, key: str) -> None:
    if not await fetch_value(conn, _EXISTS, {"key": key}):
        raise Problem(404, "unknown_journey", f"there is no journey {key!r}")


async def _lines(services: Services, journey: str, filters: dict[str, Any]) -> AsyncIterator[str]:
    yield _line(_HEADER)
    before: tuple[UUID, int] | None = None
    while True:
        async with services.pool.connection() as conn:
            found = await list_recipients(conn, journey, **filters, before=before, limit=_PAGE)
        yield "".join(_line(_cells(each)) for each in found.items)
        if found.next is None:
            return
        before = found.next


def _cells(message: ListedMessage) -> list[Any]:
    statuses = message.statuses()
    times = [message.settled_at if message.state == "sent" else None]
    times += [statuses.get(status) for status in _STATUSES]
    return [
        message.contact, message.address, message.journey, message.version, message.step,
        message.channel, message.topic, message.state, message.code, message.id, message.run_id,
        *("" if at is None else format_time(at) for at in times),
    ]  # fmt: skip


def _line(cells: Sequence[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(["" if cell is None else cell for cell in cells])
    return written.getvalue()

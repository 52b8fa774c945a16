"""Routes of suppressions: list, add, remove, import and export addresses never to write to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api.http.audit import UsedActor
from api.http.bodies import LargeRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant, format_time
from api.operations.suppression_files import (
    HASH,
    REASON,
    check_address,
    csv_lines,
    read_suppressions,
)
from api.services import Services, UsedServices
from journeys.protocol.channels import MessageChannel
from store.messages.suppression_list import (
    ListedSuppression,
    Suppressing,
    add_suppressions,
    list_suppressions,
    remove_suppression,
    suppressed_contacts,
    suppressions_of,
)
from store.operations.audit import record_audit

router = APIRouter(
    prefix="/v1/suppressions",
    tags=["suppressions"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_PAGE = 1_000
"""Rows of one statement of an export."""
_ADDRESS_LENGTH = 500
Address = Annotated[str, Query(min_length=1, max_length=_ADDRESS_LENGTH)]
AddressHash = Annotated[str, Query(pattern=HASH, description="a hash that an export or list shows")]
Reason = Annotated[str, Field(pattern=REASON)]


class SuppressionBody(BaseModel):
    """An address never to write to again. It is kept as a hash, so it is not shown."""

    channel: str
    address_hash: str
    reason: str
    suppressed_at: Instant
    by: str | None
    """The key that suppressed it; null if it came of an answer, or by a file."""


class SuppressionPage(BaseModel):
    """Suppressions by channel and hash."""

    items: list[SuppressionBody]
    next: str | None


class NewSuppression(StrictBody):
    """An address that is to be suppressed."""

    channel: MessageChannel
    address: str = Field(min_length=1, max_length=_ADDRESS_LENGTH)
    reason: Reason = "operator"


class RejectedRowBody(BaseModel):
    """A row that could not be read."""

    line: int
    message: str


class ImportedBody(BaseModel):
    """The result of an import."""

    added: int
    known: int
    """Addresses that were suppressed before, or stand in the file more than once."""
    rejected: list[RejectedRowBody]


@router.get("", summary="List suppressions", responses=responses(400, 422))
async def get_suppressions(
    services: UsedServices,
    cursor: Cursor = "",
    limit: Limit = 100,
    channel: MessageChannel | None = None,
    reason: Annotated[str | None, Query(pattern=REASON)] = None,
    address: Annotated[str | None, Query(min_length=1, max_length=_ADDRESS_LENGTH)] = None,
) -> SuppressionPage:
    """All suppressions, those of a channel or a reason, or the ones of one address."""
    async with services.pool.connection() as conn:
        if address is not None:
            found = await suppressions_of(conn, address, channel)
            found = [each for each in found if reason in (None, each.reason)]
            return SuppressionPage(items=[_body(each) for each in found], next=None)
        after = _after(cursor)
        found = await list_suppressions(conn, after, limit + 1, channel=channel, reason=reason)
    page, following = page_of(found, limit, lambda each: f"{each.channel}:{each.address_hash}")
    return SuppressionPage(items=[_body(each) for each in page], next=following)


def _after(cursor: str) -> tuple[str, str]:
    channel, colon, address_hash = cursor.partition(":")
    if cursor and not colon:
        raise unknown_cursor(cursor)
    return channel, address_hash


@router.post(
    "",
    status_code=201,
    summary="Suppress an address",
    responses={200: {"model": SuppressionBody}, **responses(422)},
)
async def suppress(
    body: NewSuppression, services: UsedServices, actor: UsedActor, response: Response
) -> SuppressionBody:
    """Never write to the address again. One that is suppressed already keeps its reason."""
    address = _checked(body.channel, body.address)
    async with services.pool.connection() as conn, conn.transaction():
        new = Suppressing(body.channel, body.reason, address=address)
        added = await add_suppressions(conn, [new])
        [found] = await suppressions_of(conn, address, body.channel)
        if added:
            await record_audit(
                conn,
                actor,
                "suppression.add",
                f"suppression:{found.channel}/{found.address_hash}",
                after={"reason": found.reason},
            )
            [found] = await suppressions_of(conn, address, body.channel)
    if not added:
        response.status_code = 200
    return _body(found)


@router.delete(
    "",
    status_code=204,
    summary="End the suppression of an address",
    dependencies=[Depends(requires("admin"))],
    responses=responses(404, 409, 422),
)
async def unsuppress(
    services: UsedServices,
    actor: UsedActor,
    channel: MessageChannel,
    address: Address | None = None,
    address_hash: AddressHash | None = None,
) -> Response:
    """Messages may go to the address again, if its contact subscribes.

    The address is given, or its hash. It stays suppressed if its owner answered STOP: only the
    answer START lets messages through again.
    """
    if (address is None) == (address_hash is None):
        raise Problem(422, "invalid_request", "address: give it, or address_hash in its place")
    clear = None if address is None else _checked(channel, address)
    async with services.pool.connection() as conn, conn.transaction():
        found = [] if clear is None else await suppressions_of(conn, clear, channel)
        removal = await remove_suppression(conn, channel, address=clear, address_hash=address_hash)
        if removal == "removed":
            known = found[0].address_hash if found else address_hash
            subject = f"suppression:{channel}/{known}"
            await record_audit(conn, actor, "suppression.remove", subject)
    if removal == "stopped":
        raise Problem(
            409, "stopped", "the owner of the number answered STOP: only the answer START ends it"
        )
    if removal == "unknown":
        raise Problem(404, "unknown_suppression", "the address is not suppressed on this channel")
    return Response(status_code=204)


@router.post(
    "/import",
    summary="Suppress the addresses of a file",
    responses=responses(400, 413, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "channel,address,reason\nemail,ada@example.com,complained\n",
                }
            },
        }
    },
)
async def import_suppressions(
    request: Request, services: UsedServices, actor: UsedActor
) -> ImportedBody:
    """Take CSV with a column `address`, or `address_hash` of an export, `channel` and `reason`.

    At most 10,000 rows. Rows that cannot be read are listed; all others count.
    """
    body = await request.body()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem(422, "invalid_suppressions", "the file is not UTF-8") from None
    if "\0" in text:
        raise Problem(422, "invalid_suppressions", "the file holds a NUL character")
    good, bad = await asyncio.to_thread(read_suppressions, text)
    async with services.pool.connection() as conn, conn.transaction():
        added = await add_suppressions(conn, good)
        if added:
            after = {"added": added, "known": len(good) - added}
            await record_audit(conn, actor, "suppression.import", "suppression:import", after=after)
    return ImportedBody(
        added=added,
        known=len(good) - added,
        rejected=[RejectedRowBody(line=each.line, message=each.message) for each in bad],
    )


_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


@router.get(
    "/export",
    summary="Export suppressions as CSV",
    response_class=StreamingResponse,
    dependencies=[Depends(requires("admin"))],
    responses={200: {"content": _CSV, "description": "The file"}, **responses(422)},
)
async def export_suppressions(
    services: UsedServices, actor: UsedActor, addresses: bool = False
) -> StreamingResponse:
    """All suppressions as hashes, which an import takes back under the same key.

    With `addresses`, those of the contacts that exist, in clear; other addresses are not known.
    """
    async with services.pool.connection() as conn:
        after = {"addresses": addresses}
        await record_audit(conn, actor, "suppression.export", "suppression:export", after=after)
    rows = _contacts(services) if addresses else _hashes(services)
    headers = {
        "Content-Disposition": 'attachment; filename="suppressions.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


async def _hashes(services: Services) -> AsyncIterator[str]:
    for line in csv_lines([("channel", "address_hash", "reason", "suppressed_at")]):
        yield line
    after = ("", "")
    while True:
        # A connection for each page: a slow reader must not keep one.
        async with services.pool.connection() as conn:
            found = await list_suppressions(conn, after, _PAGE)
        for lines in csv_lines(
            (each.channel, each.address_hash, each.reason, format_time(each.suppressed_at))
            for each in found
        ):
            yield lines
        if len(found) < _PAGE:
            return
        after = found[-1].channel, found[-1].address_hash


async def _contacts(services: Services) -> AsyncIterator[str]:
    for line in csv_lines([("channel", "address", "reason", "suppressed_at", "contact")]):
        yield line
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with services.pool.connection() as conn:
            found, after = await suppressed_contacts(conn, after, _PAGE)
        for lines in csv_lines(
            (each.channel, each.address, each.reason, format_time(each.suppressed_at), each.contact)
            for each in found
        ):
            yield lines


def _checked(channel: str, address: str) -> str:
    try:
        return check_address(channel, address)
    except ValueError as error:
        raise Problem(422, "invalid_request", f"address: {error}") from None


def _body(found: ListedSuppression) -> SuppressionBody:
    return SuppressionBody(
        channel=found.channel,
        address_hash=found.address_hash,
        reason=found.reason,
        suppressed_at=found.suppressed_at,
        by=found.by,
    )

"""Public routes of links: clicks, opens, the hidden link and short links. A GET is only a hit."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.public.page_route import PageRoute, busy_page, error_page, page_responses
from api.services import Services, UsedServices
from journeys.links.message_urls import decode_target
from journeys.links.targets import Target, read_target
from journeys.links.tokens import CODE_LENGTH
from store.messages.short_links import find_short_link
from store.sql import DATABASE_AWAY

# Gateways add parameters of their own to links, so the names in a query are not checked here.
router = APIRouter(tags=["links"], route_class=PageRoute)

_CODE: Final = re.compile(rf"[A-Za-z0-9]{{{CODE_LENGTH}}}", re.ASCII)
_GIF: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""A transparent image of one pixel."""

_NOTHING: Final = '<!doctype html><html lang="en"><title>Nothing</title><p>There is nothing here.'
"""The page of the hidden link, which robots alone read."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Nothing is kept, embedded, guessed or indexed, and no token leaks."""

_LEADS_ON: Final[dict[int | str, dict[str, Any]]] = {
    302: {"description": "To the target of the link"},
    **page_responses(200, 404),
}
_IMAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "An image of one pixel", "content": {"image/gif": {}}},
    **page_responses(404),
}


@router.head("/l/{token}", include_in_schema=False)
@router.get(
    "/l/{token}",
    summary="Follow a link of a message",
    response_class=Response,
    responses=_LEADS_ON,
    openapi_extra={"security": []},
)
async def follow(
    request: Request, services: UsedServices, token: str, u: Annotated[str, Query()] = ""
) -> Response:
    """Send the reader on to the target that the token signs; no database is needed.

    The hidden link, which has no target, is answered with a page. Any other target than the signed
    one is refused.
    """
    if services.links is None or services.hits is None:
        return _wrong(request)
    target_text = decode_target(u) if u else ""
    if target_text is None:
        return _wrong(request)
    link = services.links.keys.read(token, target_text)
    if link is None:
        return _wrong(request)
    if link.kind == "hidden":
        services.hits.record(request, "hidden", link.message_id)
        return HTMLResponse(_NOTHING, headers=_HEADERS)
    target = read_target(target_text)
    if link.kind != "click" or target is None:
        return _wrong(request)
    services.hits.record(request, "click", link.message_id, target.url)
    return _lead_on(request, services, link.message_id, target)


@router.head("/o/{token}.gif", include_in_schema=False)
@router.get(
    "/o/{token}.gif",
    summary="Load the image by which an open is seen",
    response_class=Response,
    responses=_IMAGE,
    openapi_extra={"security": []},
)
async def load_image(request: Request, services: UsedServices, token: str) -> Response:
    """Answer an image of one pixel."""
    link = None if services.links is None else services.links.keys.read(token)
    if link is None or link.kind != "open" or services.hits is None:
        return _wrong(request)
    services.hits.record(request, "open", link.message_id)
    return Response(_GIF, media_type="image/gif", headers=_HEADERS)


@router.head("/s/{code}", include_in_schema=False)
@router.get(
    "/s/{code}",
    summary="Follow a short link of a text message",
    response_class=Response,
    responses={302: _LEADS_ON[302], **page_responses(404, 503)},
    openapi_extra={"security": []},
)
async def follow_short(request: Request, services: UsedServices, code: str) -> Response:
    """Send the reader on to the target that is stored under the code."""
    if services.hits is None or _CODE.fullmatch(code) is None:
        return _wrong(request)
    try:
        async with services.pool.connection(timeout=2) as conn:
            stored = await find_short_link(conn, code)
    except DATABASE_AWAY:
        return busy_page(request)
    target = None if stored is None else read_target(stored.target)
    if stored is None or target is None:
        return _wrong(request)
    services.hits.record(request, "click", stored.message_id, target.url)
    return _lead_on(request, services, stored.message_id, target)


def _wrong(request: Request) -> Response:
    """The page for a link that was not made here, was changed, or is no longer known."""
    return error_page(request, "wrong", 404)


def _lead_on(request: Request, services: Services, message_id: UUID, target: Target) -> Response:
    """The answer that sends a reader on, with a token if the target is a site of ours."""
    location = target.location
    if services.visits is not None:
        location = services.visits.location(request, message_id, location)
    return Response(status_code=302, headers={**_HEADERS, "Location": location})

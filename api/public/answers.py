"""Answers of the public routes: the headers of all, and a plain page for a wrong link."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

OPEN: Final[dict[str, Any]] = {"security": []}
"""For OpenAPI: the route needs no key."""

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Headers of every answer: nothing is kept, embedded, guessed or indexed, and no token leaks."""

_PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{0}</title></head><body><main><h1>{0}</h1><p>{1}</p></main></body></html>"
)


def plain_page(title: str, text: str, status: int = 200) -> HTMLResponse:
    """A page of two lines."""
    page = _PAGE.format(escape(title), escape(text))
    return HTMLResponse(page, status_code=status, headers=dict(HEADERS))


def wrong_link() -> HTMLResponse:
    """The answer to a link that was not made here, was changed, or is no longer known."""
    return plain_page(
        "This link does not work",
        "It is incomplete or no longer valid. Please open it again from the message.",
        404,
    )


def try_again() -> HTMLResponse:
    """The answer while the database cannot be reached."""
    page = plain_page("Please try again", "This page cannot be shown right now.", 503)
    page.headers["Retry-After"] = "10"
    return page


def redirect(location: str) -> Response:
    """The answer that sends a reader on. `location` is ASCII."""
    headers = {**HEADERS, "Location": location}
    return Response(status_code=302, headers=headers)


def html_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers that are pages, for OpenAPI."""
    return {
        status: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}
        for status in statuses
    }

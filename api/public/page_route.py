"""Routes of the public pages: no key, bounded forms, and errors as pages that people can read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.http.bodies import StrictRequest
from api.http.problems import Problem
from api.public.forms import FORM_LIMIT
from api.public.page_html import Look, Page, page_response
from api.services import Services
from journeys.model.brands import BrandTexts
from store.sql import DATABASE_AWAY, is_database_away, is_database_busy

JSON_TYPES: Final = ("application/json", "text/plain")
"""What a script posts; a browser asks nothing before it posts the second one elsewhere."""
_MOST_LANGUAGES: Final = 10
_LONGEST_HEADER: Final = 500

_log = structlog.get_logger(__name__)

HTML: Final[dict[str, Any]] = {"text/html": {"schema": {"type": "string"}}}


def page_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route of pages, for OpenAPI: each of them is a page."""
    words = {
        200: "The page",
        303: "The page that follows",
        400: "The form is not one of this page",
        403: "The form was refused as a robot's; it can be sent once more",
        404: "The link is not genuine",
        408: "The form came too slowly",
        409: "The form is to be sent once more",
        410: "What the link is for is no longer kept",
        413: "The form is too large",
        415: "The form is packed in another way than gzip",
        422: "Some answers are to be corrected",
        429: "Too many forms came from one network",
        503: "The choice could not be saved now",
    }
    return {status: {"description": words[status], "content": HTML} for status in statuses}


class PageRoute(APIRoute):
    """A route whose errors are pages. The query is left alone: gateways add to it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which gets a request with a bounded body."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            bounded = StrictRequest(request.scope, request.receive)
            bounded.limit = FORM_LIMIT
            try:
                return await handle(bounded)
            except Problem as problem:
                return error_page(request, "invalid", problem.status_code)
            except DATABASE_AWAY as error:
                if not (is_database_away(error) or is_database_busy(error)):
                    raise
                _log.warning("page_without_database", error=type(error).__name__)
                return busy_page(request)

        return handle_page


class FormRoute(PageRoute):
    """A route of forms: a script that posts JSON is answered with problems, as by the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, whose errors are in the form that the caller reads."""
        pages = super().get_route_handler()
        plain = APIRoute.get_route_handler(self)

        async def handle_form(request: Request) -> Response:
            if "\0" in request.scope["path"]:
                # PostgreSQL cannot store NUL, and no key has one.
                return error_page(request, "form_unknown", 404)
            if not by_script(request):
                return await pages(request)
            strict = StrictRequest(request.scope, request.receive)
            strict.limit = FORM_LIMIT
            return await plain(strict)

        return handle_form


def by_script(request: Request) -> bool:
    """Whether a script posted, or asks, and reads JSON."""
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind in JSON_TYPES
    accepted = request.headers.get("accept", "").lower()
    return "application/json" in accepted and "text/html" not in accepted


def error_page(request: Request, kind: str, status: int) -> Response:
    """A page for a reader who is not known: `wrong`, `expired`, `invalid`, `busy`."""
    look = Look(None, BrandTexts(None, languages(request)), _host(request))
    texts = look.texts
    page = Page(texts.html(f"{kind}_title"), [texts.html(f"{kind}_text")])
    return page_response(page, look, status)


def busy_page(request: Request) -> Response:
    """The page for a choice that could not be saved now. A mail program tries its click again."""
    response = error_page(request, "busy", 503)
    response.headers["Retry-After"] = "30"
    return response


def languages(request: Request) -> list[str]:
    """The languages that the browser asks for, the most wanted first."""
    wanted: list[tuple[float, str]] = []
    header = request.headers.get("accept-language", "")[:_LONGEST_HEADER]
    for part in header.split(",")[:_MOST_LANGUAGES]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag.replace("-", "").isalnum() and tag.isascii():
            wanted.append((weight, tag))
    return [tag for weight, tag in sorted(wanted, key=lambda each: -each[0]) if weight > 0]


def host_of(services: Services) -> str:
    """The name of the site of the pages."""
    if services.links is None:
        return ""
    return services.links.public_url.partition("://")[2].partition("/")[0]


def _host(request: Request) -> str:
    services: Services = request.app.state.services
    return host_of(services)

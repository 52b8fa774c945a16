"""Routes of the development stack alone: a small shop, to try the script and a form by hand."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Final, Protocol

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.http.bodies import CheckedRoute
from api.http.problems import Problem
from api.services import UsedServices
from store.forms.form_documents import read_form_documents

_INDEX: Final = "index.html"
_HEADERS: Final = {
    # The page needs nothing from elsewhere, and runs nothing that stands in it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


class ShopFile(Protocol):
    """A file of the shop."""

    @property
    def text(self) -> str:
        """Its text."""

    @property
    def kind(self) -> str:
        """Its media type."""


def shop_router(
    read_file: Callable[[str], ShopFile | None],
    *,
    path: str,
    form: str,
    key: str,
    temporal_ui: str,
    speed: float,
) -> APIRouter:
    """The routes of a shop at a path, which ends with a slash.

    `form` is the form that it needs, `key` the key of its pages, and `speed` what waits are
    divided by.
    """
    router = APIRouter(tags=["development"], route_class=CheckedRoute)

    @router.get(path.rstrip("/"), include_in_schema=False)
    async def lead_to_shop() -> Response:
        return RedirectResponse(path, 308)

    @router.get(path, include_in_schema=False)
    async def show_shop(services: UsedServices) -> Response:
        async with services.pool.connection() as conn:
            ready = await read_form_documents(conn, form) is not None
        return _answer(
            _INDEX,
            KEY=key,
            SPEED=f"{speed:g}",
            READY="yes" if ready else "no",
            UI=temporal_ui,
        )

    @router.get(path + "{name}", include_in_schema=False)
    async def load_file(name: str, request: Request) -> Response:
        if name == _INDEX:
            raise Problem(404, "not_found", f"there is nothing at {request.url.path}")
        return _answer(name)

    def _answer(name: str, **places: str) -> Response:
        file = read_file(name)
        if file is None:
            raise Problem(404, "not_found", f"the shop has no {name[:80]!r}")
        text = file.text
        for place, value in places.items():
            text = text.replace(f"__{place}__", escape(value))
        return Response(text, media_type=file.kind, headers=_HEADERS)

    return router

"""Routes of the console's files: its page at every address below `/console`, and what it loads."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Final

from fastapi import APIRouter, Request, Response

from api.console.built_files import ASSETS, INDEX, BuiltFile, best_encoding
from api.console.page_headers import PAGE_HEADERS, page_policy
from api.http.problems import Problem
from api.services import Services, UsedServices

PATH: Final = "/console"
_NONCE: Final = b"__NONCE__"
"""The word in the page that stands for the nonce of its scripts and styles."""
_YEAR: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parcours</title>
<h1>The console is not built</h1>
<p>Run <code>make setup</code>, or <code>console/setup</code>, and load this page again.
All that the console shows can be had by the command <code>parcours</code> too.</p>
</html>
"""

router = APIRouter(include_in_schema=False)


@router.api_route(PATH, methods=["GET", "HEAD"])
async def show_console(request: Request, services: UsedServices) -> Response:
    """The page."""
    return _answer(request, services, "")


@router.api_route(PATH + "/{path:path}", methods=["GET", "HEAD"])
async def load_file(path: str, request: Request, services: UsedServices) -> Response:
    """A file, or the page: which part of it is shown, its script finds in the address."""
    return _answer(request, services, path)


def _answer(request: Request, services: Services, path: str) -> Response:
    file = None if path in ("", INDEX) else services.console_files.find(path)
    if file is not None:
        return _file(request, file)
    if path.startswith(ASSETS):
        raise Problem(404, "not_found", "the console has no such file; it may be of an older build")
    index = services.console_files.find(INDEX)
    headers = {**PAGE_HEADERS, "Cache-Control": "no-store"}
    if index is None:
        headers["Content-Security-Policy"] = page_policy(None)
        return Response(_NOT_BUILT, 503, headers, "text/html")
    nonce = token_urlsafe(18)
    headers["Content-Security-Policy"] = page_policy(nonce)
    page = index.bodies["identity"].replace(_NONCE, nonce.encode())
    return Response(page, headers=headers, media_type=index.media_type)


def _file(request: Request, file: BuiltFile) -> Response:
    encoding = best_encoding(request.headers.get("accept-encoding", ""), file)
    tag = f'"{file.tag}-{encoding}"'
    headers = {
        # A picture of ours that is opened by itself is a page, and may run nothing.
        **PAGE_HEADERS,
        "Content-Security-Policy": page_policy(None),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": _YEAR if file.lasting else "no-cache",
        "Vary": "Accept-Encoding",
        "ETag": tag,
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return Response(file.bodies[encoding], headers=headers, media_type=file.media_type)

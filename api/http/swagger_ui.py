"""Swagger UI at `/docs`, from files that are installed with the product."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.http import openapi

PATH = "/docs"
ASSETS = f"{PATH}/assets"

_PARAMETERS = {
    # The default validator is a service on the internet that would be given the description.
    "validatorUrl": None,
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def install(app: FastAPI) -> None:
    """Serve Swagger UI at `/docs` and its scripts and styles below `/docs/assets`."""
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]))
    app.add_api_route(PATH, read_page, include_in_schema=False)


async def read_page(request: Request) -> HTMLResponse:
    """The page, which loads nothing from another origin."""
    root = request.scope.get("root_path", "").rstrip("/")
    page = get_swagger_ui_html(
        openapi_url=f"{root}{openapi.PATH}",
        title=f"{request.app.title} API",
        swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{ASSETS}/favicon-32x32.png",
        swagger_ui_parameters=_PARAMETERS,
    )
    page.headers["Content-Security-Policy"] = _content_security_policy(bytes(page.body).decode())
    return page


def _content_security_policy(html: str) -> str:
    """A policy for this page: scripts of ours, and the inline one that starts Swagger UI."""
    digests = [sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(html)]
    scripts = ["'self'", *(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            # Swagger UI sets style attributes and draws icons from data URLs.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )

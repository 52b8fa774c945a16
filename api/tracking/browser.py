"""What browsers' clients call: one-letter paths, their settings and metrics, and CORS."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.bodies import BODY_LIMIT, read_body
from api.http.keys import check_key
from api.http.problems import responses
from api.tracking import schema
from api.tracking.calls import take_batch, take_call

LETTERS = {
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
_PREFLIGHT_AGE = "86400"

router = APIRouter(tags=["tracking"])


def _add(letter: str, kind: str) -> None:
    async def call(request: Request) -> Response:
        return await take_call(request, kind)

    router.add_api_route(
        f"/v1/{letter}", call, methods=["POST"], include_in_schema=False, name=f"{kind} by letter"
    )


for _letter, _kind in LETTERS.items():
    _add(_letter, _kind)

router.add_api_route("/v1/b", take_batch, methods=["POST"], include_in_schema=False)


@router.post("/v1/m", include_in_schema=False)
async def take_metrics(request: Request) -> schema.Success:
    """Take a client's metrics about itself, and forget them."""
    await read_body(request, BODY_LIMIT)
    return schema.Success()


@router.get(
    "/v1/projects/{write_key}/settings",
    summary="What a browser's client asks before its first call",
    responses=responses(),
    openapi_extra={"security": []},
)
async def project_settings(request: Request, write_key: str) -> dict[str, Any]:
    """Settings in the form Segment's browser client expects: calls go to this very host."""
    await check_key(request, write_key, "ingest")
    host = request.url.netloc
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": request.url.scheme,
                "type": "server",
                "unbundledIntegrations": [],
                "addBundledMetadata": False,
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


class TrackingCors:
    """Lets pages of any origin call the tracking API, and nothing else.

    Write keys are public and no cookie counts, so an origin says nothing about a right.
    """

    def __init__(self, app: ASGIApp, paths: frozenset[str]) -> None:
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._open(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "origin" not in headers:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                opened = MutableHeaders(scope=message)
                opened["Access-Control-Allow-Origin"] = "*"
                opened["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
            await send(message)

        await self._app(scope, receive, answer)

    def _open(self, path: str) -> bool:
        return path in self._paths or path.startswith("/v1/projects/")


def _preflight(headers: Headers) -> Response:
    asked = headers.get("access-control-request-headers", "content-type")
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
            "Access-Control-Allow-Headers": asked,
            "Access-Control-Max-Age": _PREFLIGHT_AGE,
            "Vary": "Access-Control-Request-Headers",
        },
    )


TRACKING_PATHS = frozenset(
    f"/v1/{name}" for name in (*LETTERS, *LETTERS.values(), "b", "batch", "m")
)

"""Routes of the browser client: one-letter paths, its settings and metrics, and CORS."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.bodies import BODY_LIMIT, CheckedRoute, read_body
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
_PREFLIGHT_SECONDS = 86_400
_TRACKING_PATHS = frozenset(
    f"/v1/{name}" for name in (*LETTERS, *LETTERS.values(), "b", "batch", "m")
)

router = APIRouter(tags=["tracking"], route_class=CheckedRoute)


def _add_route(letter: str, kind: str) -> None:
    async def call(request: Request) -> Response:
        return await take_call(request, kind)

    router.add_api_route(
        f"/v1/{letter}", call, methods=["POST"], include_in_schema=False, name=f"{kind} by letter"
    )


for _letter, _kind in LETTERS.items():
    _add_route(_letter, _kind)

router.add_api_route("/v1/b", take_batch, methods=["POST"], include_in_schema=False)


@router.post("/v1/m", include_in_schema=False)
async def take_metrics(request: Request) -> schema.Success:
    """Accept the metrics that a client sends about itself, and ignore them."""
    await read_body(request, BODY_LIMIT)
    return schema.Success()


@router.get(
    "/v1/projects/{write_key}/settings",
    summary="Read the settings of the browser client",
    responses=responses(),
    openapi_extra={"security": []},
)
async def project_settings(request: Request, write_key: str) -> dict[str, Any]:
    """The settings that Segment's browser client reads first: it sends its calls to this host."""
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


class TrackingCors(CORSMiddleware):
    """CORS of the tracking paths alone: pages of any origin may call them.

    Write keys are public and cookies are not read, so the origin of a call proves nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            app,
            allow_origins=["*"],
            allow_methods=["POST", "GET", "OPTIONS"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "X-Request-Id"],
            max_age=_PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_tracking(scope["path"]):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight: 204 with what is allowed, which the browser compares."""
        headers = super().preflight_response(request_headers).headers
        allowed = {name: text for name, text in headers.items() if not name.startswith("content-")}
        return Response(status_code=204, headers=allowed)


def _is_tracking(path: str) -> bool:
    return path in _TRACKING_PATHS or path.startswith(("/v1/projects/", "/f/"))

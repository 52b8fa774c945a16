"""The public route of the script: no key, kept by browsers for an hour."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api.public.script.assembly import PATH, read_script

# Sites add a version to the address of a script, so the names in a query are not checked here.
router = APIRouter(tags=["site"])

_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Vary": "Accept-Encoding",
    # Pages of any site may load it, also those that are isolated from other origins.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The script", "content": {"text/javascript": {}}},
    304: {"description": "The browser has it"},
}


@router.head(PATH, include_in_schema=False)
@router.get(
    PATH,
    summary="Load the script of sites",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra={"security": []},
)
async def load_script(request: Request) -> Response:
    """The script that records what visitors of a site do."""
    script = read_script()
    packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    # The packed and the plain answer are two, and have a tag each.
    tag = f'{script.tag[:-1]}-gzip"' if packed else script.tag
    headers = {**_HEADERS, "ETag": tag}
    if script.tag[1:-1] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = script.packed if packed else script.text
    return Response(body, media_type="text/javascript", headers=headers)


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

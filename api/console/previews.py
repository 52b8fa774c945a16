"""Route of previews: HTML that the console sends comes back as the page of a sandboxed frame.

A frame that the page fills itself has the page's own policy, which allows no style that stands in
the HTML: a message would not look as it does. What is served has a policy of its own.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response

from api.console.page_headers import preview_policy
from api.http.bodies import CheckedRoute, read_body
from api.http.keys import check_credentials
from api.http.problems import Problem
from api.http.same_origin import refuse_foreign

PATH: Final = "/console/preview"
LARGEST: Final = 2 * 1024 * 1024
"""Bytes of a form, as the browser encodes it."""
_FIELDS: Final = frozenset({"html", "images"})

router = APIRouter(include_in_schema=False, route_class=CheckedRoute)


@router.post(PATH)
async def show_preview(request: Request) -> Response:
    """The HTML in the field `html` of a form; with the field `images`, pictures are fetched."""
    refuse_foreign(request)
    await check_credentials(request, "read", "edit")
    body = await read_body(request, LARGEST, oversize=413)
    fields = await asyncio.to_thread(_fields, body)
    headers = {
        "Content-Security-Policy": preview_policy(images="images" in fields),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
    }
    return Response(fields.get("html", ""), headers=headers, media_type="text/html")


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=len(_FIELDS))
    except ValueError:
        raise Problem(400, "invalid_form", "send a form with the field html, and images") from None
    if unknown := found.keys() - _FIELDS:
        raise Problem(400, "invalid_form", f"the form has no field {min(unknown)[:60]!r}")
    return {name: values[0] for name, values in found.items()}

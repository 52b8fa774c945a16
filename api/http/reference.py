"""The API's reference as one page that asks nobody else for anything."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 .5rem; text-transform: capitalize; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary code { font-weight: 600; }
.method { display: inline-block; min-width: 4.5rem; font: 600 .85rem ui-monospace, monospace; }
.says { opacity: .75; }
pre { overflow: auto; padding: .8rem; border-radius: .4rem; background: #8882; font-size: .85rem; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin-left: 1rem; }
"""


@router.get("/docs")
async def read_reference(request: Request) -> HTMLResponse:
    """The reference, made from /openapi.json."""
    return HTMLResponse(render(request.app.openapi()))


def render(openapi: dict[str, Any]) -> str:
    """An OpenAPI description as a page of HTML."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(openapi, method, path, operation))
    info = openapi["info"]
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(each)}" for tag, each in by_tag.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} API</h1><p>{_inline(info.get('description', ''))}</p>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a></p>'
        f"{sections}</body></html>"
    )


def _operation(openapi: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{_inline(operation.get('description', ''))}</p>"]
    if operation.get("security") == []:
        parts.append("<p>Open: needs no key.</p>")
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append("<h4>Parameters</h4><dl>")
        for each in parameters:
            parts.append(f"<dt><code>{escape(each['name'])}</code> in {escape(each['in'])}</dt>")
            parts.append(f"<dd>{_inline(each.get('description', ''))}</dd>")
        parts.append("</dl>")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body: {escape(media)}</h4>{_shape(openapi, content)}")
    parts.append("<h4>Answers</h4><dl>")
    for status, answer in operation["responses"].items():
        parts.append(f"<dt>{escape(status)} {escape(answer.get('description', ''))}</dt>")
        for media, content in answer.get("content", {}).items():
            # Every problem looks alike: said once, in the description of the API.
            shape = "" if "problem" in media else _shape(openapi, content)
            parts.append(f"<dd><code>{escape(media)}</code>{shape}</dd>")
    parts.append("</dl>")
    return (
        f'<details><summary><span class="method">{escape(method.upper())}</span>'
        f"<code>{escape(path)}</code> "
        f'<span class="says">{escape(operation.get("summary", ""))}</span></summary>'
        f"{''.join(parts)}</details>"
    )


def _shape(openapi: dict[str, Any], content: dict[str, Any]) -> str:
    shown = content.get("example") or _resolve(openapi, content.get("schema", {}), depth=0)
    return f"<pre>{escape(json.dumps(shown, indent=2, ensure_ascii=False))}</pre>" if shown else ""


def _resolve(openapi: dict[str, Any], schema: dict[str, Any], depth: int) -> Any:
    """A schema with its references filled in, as the shape of a value."""
    if depth > 6:
        return "…"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolve(openapi, openapi["components"]["schemas"][name], depth + 1)
    if "properties" in schema:
        return {
            name: _resolve(openapi, inner, depth + 1)
            for name, inner in schema["properties"].items()
        }
    if "items" in schema:
        return [_resolve(openapi, schema["items"], depth + 1)]
    if "anyOf" in schema:
        shapes = [_resolve(openapi, inner, depth + 1) for inner in schema["anyOf"]]
        if all(isinstance(shape, str) for shape in shapes):
            return " | ".join(shapes)
        return shapes[0]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else kind


def _inline(text: str) -> str:
    """Text with its `code` marked."""
    parts = escape(text.strip()).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )

"""The page of a person's export: labels in plain English, no scripts, and a strict policy."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any, Final

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:2px solid #ddd}"
    "dl{display:grid;grid-template-columns:minmax(9rem,14rem) 1fr;gap:.2rem 1rem;margin:1rem 0;"
    "padding-bottom:1rem;border-bottom:1px solid #eee}"
    "dt{color:#555}dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}"
    "@media (max-width:40rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}}"
)
_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'; sandbox"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of the page: nothing is loaded, run or sent, and nothing of it is stored on the way."""
_LABELS: Final = {
    "id": "Number",
    "at": "When",
    "email": "E-mail address",
    "phone": "Telephone number",
    "timezone": "Time zone",
    "external_id": "Your id with us",
    "anonymous_id": "Id of the browser or device",
    "occurred_at": "When it happened",
    "stamped_at": "When it was recorded",
    "client_at": "When it happened by the device's clock",
    "contact_id": "Our number for you",
    "run_id": "Number of the journey's run",
    "message_id": "Number of the message",
    "event_id": "Number of the event",
    "started_at": "Began",
    "ended_at": "Ended",
    "facts": "What was decided on",
    "content": "What it said",
    "request_address": "Network address of the request",
    "window_started_at": "When we began to count your calls of this minute",
    "window_events": "Your calls of this minute",
    "window_server_events": "Calls about you of this minute",
    "last_event_id": "Number of your newest event",
    "judged_event_id": "Number of the event that segments have seen",
    "depth": "Links of the chain of journeys before it",
}


def page_head(reference: str, at: datetime) -> str:
    """The beginning of the page."""
    who = escape(reference)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Data about {who}</title><style>{_STYLE}</style></head>\n<body><main>"
        f"<h1>Everything that is held about {who}</h1>"
        f"<p>As of {at:%d %B %Y, %H:%M} UTC. Times are in UTC.</p>\n"
    )


def section_head(title: str, *, first: bool) -> str:
    """The beginning of a section."""
    return f"{'' if first else chr(10)}<section><h2>{escape(title)}</h2>\n"


def page_row(row: dict[str, Any], _first: bool) -> str:
    """A row: its values under their labels. Values that are not there are left out."""
    pairs = "".join(
        f"<dt>{escape(label_of(name))}</dt><dd>{escape(_shown(name, value))}</dd>"
        for name, value in row.items()
        if value is not None and value not in ({}, [], "")
    )
    return f"<dl>{pairs}</dl>\n"


def _shown(name: str, value: Any) -> str:
    """The value of a column. A time is shown to the second; the JSON export has all of it."""
    if isinstance(value, str) and (name == "at" or name.endswith(("_at", "_until"))):
        try:
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None:
                return f"{instant.astimezone(UTC):%d %B %Y, %H:%M:%S}"
        except (ValueError, OverflowError):
            return value
    return in_words(value)


def page_end() -> str:
    """The end of the page."""
    return "</main></body></html>\n"


def label_of(name: str) -> str:
    """A column, or the name of an attribute, as a person reads it."""
    return _LABELS.get(name) or name.replace("_", " ").strip().capitalize()


def in_words(value: Any, indent: str = "") -> str:
    """A value of JSON, in lines of its own for each part of a list or an object."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case dict():
            return "\n".join(
                f"{indent}{name}: {_inside(part, indent)}" for name, part in value.items()
            )
        case list():
            return "\n".join(f"{indent}– {_inside(part, indent)}" for part in value)
        case _:
            return str(value)


def _inside(value: Any, indent: str) -> str:
    words = in_words(value, f"{indent}  ")
    return f"\n{words}" if isinstance(value, dict | list) and value else words

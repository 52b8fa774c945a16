"""Forms of the public pages, as browsers and mail programs post them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from typing import Final
from urllib.parse import parse_qs

FORM_LIMIT: Final = 64 * 1024
"""Bytes of a form."""
ONE_CLICK: Final = "List-Unsubscribe=One-Click"
"""What a mail program posts for its reader (RFC 8058)."""
_MOST_FIELDS: Final = 1_000

Form = Mapping[str, Sequence[str]]


def read_form(content_type: str, body: bytes) -> Form:
    """The values of a form by field; empty if it is none that can be read.

    One click of a mail program comes in either of the two forms (RFC 8058).
    """
    kind, _, _ = content_type.partition(";")
    if kind.strip().lower() == "multipart/form-data":
        return _multipart(content_type, body)
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


def _multipart(content_type: str, body: bytes) -> Form:
    head = f"Content-Type: {' '.join(content_type.split())}\r\n\r\n".encode("latin-1", "replace")
    parsed = BytesParser().parsebytes(head + body)
    values: dict[str, list[str]] = {}
    parts = parsed.get_payload()
    for part in parts[:_MOST_FIELDS] if isinstance(parts, list) else ():
        if not isinstance(part, Message):
            continue
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            values.setdefault(name, []).append(payload.decode("utf-8", "replace").rstrip("\r\n"))
    return values


def is_one_click(form: Form) -> bool:
    """Whether the form is the one that a mail program posts for its reader."""
    name, _, value = ONE_CLICK.partition("=")
    return value in form.get(name, ())

"""Forms of the public pages, as browsers and mail programs post them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

FORM_LIMIT: Final = 64 * 1024
"""Bytes of a form."""
ONE_CLICK: Final = "List-Unsubscribe=One-Click"
"""What a mail program posts for its reader (RFC 8058)."""
_MOST_FIELDS: Final = 1_000
_BOUNDARY: Final = re.compile(
    r';\s*boundary=(?:"(?P<quoted>[^"\r\n]{1,70})"|(?P<plain>[^\s;"]{1,70}))', re.IGNORECASE
)
_FIELD_NAME: Final = re.compile(
    r'^content-disposition:[ \t]*form-data\b[^\r\n]{0,200}?;[ \t]*name="?([^"\r\n;]{1,100})',
    re.IGNORECASE | re.MULTILINE,
)

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
    """The fields of a form in parts (RFC 7578), which are never parts of parts.

    The parser of mail would follow a body of 64 KB into a thousand parts within parts.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        return {}
    boundary = (found["quoted"] or found["plain"]).encode("latin-1", "replace")
    values: dict[str, list[str]] = {}
    lines = b"\n" + body.replace(b"\r\n", b"\n")
    # What stands before the first boundary is no part.
    for part in lines.split(b"\n--" + boundary, _MOST_FIELDS)[1:]:
        if part.startswith(b"--"):
            break
        head, blank, value = part.partition(b"\n\n")
        name = _FIELD_NAME.search(head.decode("utf-8", "replace"))
        if blank and name is not None:
            values.setdefault(name[1], []).append(value.decode("utf-8", "replace"))
    return values


def is_one_click(form: Form) -> bool:
    """Whether the form is the one that a mail program posts for its reader."""
    name, _, value = ONE_CLICK.partition("=")
    return value in form.get(name, ())

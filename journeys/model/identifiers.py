"""Ids and names that other systems choose: what they may be made of."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line breaks: no log and no list shows them."""


def find_id_flaw(text: str) -> str | None:
    """What is wrong with an id or a name; None if it can be written, shown and addressed."""
    if len(text) > 2 and text.isprintable() and not text.isspace():
        # Nearly every one, without a regular expression.
        return None
    if not text.strip():
        return "must not be blank"
    if _CONTROL.search(text) is not None:
        return "must not have line breaks or control characters"
    if text in (".", ".."):
        # Clients shorten a path with such a part before they send it.
        return f"must not be `{text}`: no address can hold it"
    return None

"""Ids and names that other systems choose: what they may be made of."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line breaks: no log and no list shows them."""


def is_plain_id(text: str) -> bool:
    """Whether an id or a name has no flaw, by a test that is quick and that nearly all pass."""
    return len(text) > 2 and text.isprintable() and not text.isspace()


def find_id_flaw(text: str) -> str | None:
    """What is wrong with an id or a name; None if it can be written, shown and addressed."""
    if is_plain_id(text):
        return None
    if not text.strip():
        return "must not be blank"
    if _CONTROL.search(text) is not None:
        return "must not have line breaks or control characters"
    if text in (".", ".."):
        # Clients shorten a path with such a part before they send it.
        return f"must not be `{text}`: no address can hold it"
    return None

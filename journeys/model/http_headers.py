"""Headers of webhooks: the names and values that HTTP has, and those that are not for steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_CONNECTION: Final = "it belongs to the connection, which the engine makes"
KEY_HEADER: Final = "Idempotency-Key"
SIGNATURE_HEADER: Final = "Parcours-Signature"

RESERVED: Final[Mapping[str, str]] = {
    "host": "it follows from the `url`",
    "content-length": "it follows from the `body`",
    "transfer-encoding": _CONNECTION,
    "connection": _CONNECTION,
    "keep-alive": _CONNECTION,
    "upgrade": _CONNECTION,
    "te": _CONNECTION,
    "trailer": _CONNECTION,
    "expect": _CONNECTION,
    "accept-encoding": _CONNECTION,
    "proxy-authorization": _CONNECTION,
    "proxy-connection": _CONNECTION,
    KEY_HEADER.lower(): "the engine sets it to the id of the message",
    SIGNATURE_HEADER.lower(): "the engine signs every call with it",
}
"""The headers that a step may not set, in small letters, each with the reason."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")


def is_header_name(name: str) -> bool:
    """Whether HTTP can have a header of that name."""
    return _NAME.fullmatch(name) is not None


def is_header_value(value: str) -> bool:
    """Whether a header can hold the value: printable ASCII, without line breaks."""
    return _VALUE.fullmatch(value) is not None


def why_reserved(name: str) -> str | None:
    """Why a step may not set the header; None if it may."""
    return RESERVED.get(name.lower())

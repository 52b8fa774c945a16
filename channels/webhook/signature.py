"""Signatures of webhook calls, which prove the sender and the time.

Each call has the header `Parcours-Signature: t=<unix seconds>,v1=<hex>`, where `<hex>` is the
HMAC-SHA256 of `<t>.<body>` with the secret that both sides know. `<body>` is the bytes of the body
before any parsing; it is empty for a call without a body. A receiver

1. computes the signature and compares in constant time, to refuse calls without the secret;
2. refuses a `t` that is minutes away, to refuse a recorded call that is sent again;
3. remembers the `Idempotency-Key`s, and gives a key that it knows its first answer again. A call
   whose answer was lost may be repeated with the same key.

`verify` does the first two for receivers written in Python.
"""

from __future__ import annotations

import hashlib
import hmac
import re

_FIELDS = re.compile(r"t=(?P<t>[0-9]{1,12})(?P<signatures>(?:,v[0-9]+=[0-9A-Fa-f]+)+)")


def sign(secret: str, body: bytes, *, at: int) -> str:
    """The value of the header for a call at `at`, in Unix seconds."""
    return f"t={at},v1={_digest(secret, at, body)}"


def verify(secret: str, header: str, body: bytes, *, now: float, tolerance: float = 300) -> bool:
    """Whether the header proves that a holder of the secret made this call.

    `t` may be at most `tolerance` seconds before or after `now`. The header may hold several `v1=`,
    as while a secret is changed: one that matches is enough.
    """
    fields = _FIELDS.fullmatch(header.strip())
    if fields is None:
        return False
    at = int(fields["t"])
    if abs(now - at) > tolerance:
        return False
    expected = _digest(secret, at, body)
    return any(
        hmac.compare_digest(signature.removeprefix("v1=").lower(), expected)
        for signature in fields["signatures"].split(",")
        if signature.startswith("v1=")
    )


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()

"""The signature of a webhook call: who made it, and when.

Each call carries `Parcours-Signature: t=<unix seconds>,v1=<hex>`, where `<hex>` is the HMAC-SHA256
of `<t>.<body>` with the secret that both sides know; `<body>` is the body's bytes as they came,
before any parsing, and nothing at all for a call without one. A receiver

1. recomputes it and compares in constant time, so that only a holder of the secret is believed;
2. refuses a `t` that is minutes away, so that a call that was overheard cannot be played again;
3. remembers `Idempotency-Key` and answers a key it has seen as it did the first time, for a call
   whose answer got lost may be made again with the same key.

`verify` is the first two, ready to be used by receivers written in Python.
"""

from __future__ import annotations

import hashlib
import hmac
import re

SIGNATURE_HEADER = "Parcours-Signature"

_FIELDS = re.compile(r"t=(?P<t>[0-9]{1,12})(?P<signatures>(?:,v[0-9]+=[0-9A-Fa-f]+)+)")


def sign(secret: str, body: bytes, *, at: int) -> str:
    """The header's value for a call made `at`, in Unix seconds."""
    return f"t={at},v1={_digest(secret, at, body)}"


def verify(secret: str, header: str, body: bytes, *, now: float, tolerance: float = 300) -> bool:
    """Whether the header proves that a holder of the secret made this call, no longer ago (or
    ahead) than `tolerance` seconds. Several `v1=` may stand in it, as while a secret is changed:
    one that fits is enough.
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

"""Stamps of forms: which form was shown when, signed so that a robot cannot make one.

A stamp is an id (16 bytes), the second in which the form was shown (5) and 12 bytes of
HMAC-SHA256, which covers the form's key: 33 bytes, 44 characters of base64url.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from journeys.links.tokens import LinkKeys

_PURPOSE: Final = b"form.1"
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{44}", re.ASCII)
_HEAD: Final = 21


@dataclass(frozen=True, slots=True)
class FormStamp:
    """A form as it was shown once."""

    id: UUID
    shown_at: int
    """Seconds since 1970."""

    @classmethod
    def new(cls, now: float) -> FormStamp:
        """The stamp of a form that is shown now."""
        return cls(uuid4(), int(now))

    def text(self, keys: LinkKeys, form: str) -> str:
        """The signed text, which stands in the form."""
        head = self.id.bytes + self.shown_at.to_bytes(5, "big")
        signature = keys.sign(_PURPOSE, head + form.encode())
        return urlsafe_b64encode(head + signature).decode("ascii")


def read_stamp(keys: LinkKeys, form: str, text: str) -> FormStamp | None:
    """The stamp that a text is; None if it was not signed here for this form."""
    if _TEXT.fullmatch(text) is None:
        return None
    signed = urlsafe_b64decode(text)
    head, signature = signed[:_HEAD], signed[_HEAD:]
    if not keys.has_signed(_PURPOSE, head + form.encode(), signature):
        return None
    return FormStamp(UUID(bytes=head[:16]), int.from_bytes(head[16:], "big"))

"""Attachments of e-mails, each written as a MIME part once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import MIMEPart
from email.policy import SMTP as SMTP_POLICY
from functools import cached_property
from hashlib import sha256

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
"""A media type without parameters (RFC 6838, 4.2), in lower case."""
_UNKNOWN = ("application", "octet-stream")
# These types have parts of their own, which base64 may not encode.
_NESTED = {"multipart", "message"}


@dataclass(frozen=True)
class Attachment:
    """A file of an e-mail.

    It is shown where the HTML says `cid:NAME`, and attached where the HTML does not. The same
    object serves many messages, and keeps its MIME part.
    """

    name: str
    """One line of text, without `/` and `\\`."""
    content_type: str
    """A media type. One that cannot be written becomes `application/octet-stream`."""
    content: bytes = field(repr=False)

    @cached_property
    def content_id(self) -> str:
        """The id of the inline part, the same wherever the content is."""
        return f"{sha256(self.content).hexdigest()[:32]}@cid.parcours"

    @cached_property
    def attached(self) -> bytes:
        """The MIME part of a file to open."""
        return self._part("attachment")

    @cached_property
    def inline(self) -> bytes:
        """The MIME part of an image that the HTML shows."""
        return self._part("inline")

    def _part(self, disposition: str) -> bytes:
        main, _, sub = self.content_type.strip().lower().partition("/")
        if not _TYPE.fullmatch(f"{main}/{sub}") or main in _NESTED:
            main, sub = _UNKNOWN
        part = MIMEPart(policy=SMTP_POLICY)
        part.set_content(
            self.content,
            maintype=main,
            subtype=sub,
            disposition=disposition,
            filename=self.name,
            cid=f"<{self.content_id}>" if disposition == "inline" else None,
        )
        return part.as_bytes()

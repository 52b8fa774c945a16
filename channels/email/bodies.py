"""The body of an e-mail as MIME: alternatives, inline images and attachments.

Texts are encoded by `binascii`: `email.message` takes a millisecond for a page of HTML, and writes
the same. Parts are put together here, so that an attachment is encoded once for all messages, and
with boundaries of the message's own, so that a repeated attempt writes the same bytes.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from urllib.parse import unquote

from channels.attachments import Attachment

_LONGEST_LINE = 78
"""Octets of a line that is not encoded (RFC 5322, 2.1.1)."""
_CID = re.compile(r"\bcid:([^\s\"'<>()]+)", re.IGNORECASE)


def body(text: str | None, html: str | None, attachments: Sequence[Attachment], mark: str) -> bytes:
    """The MIME headers and the content, with lines that end with CRLF.

    At least one of `text` and `html` is given. `mark` makes the boundaries, which no content may
    hold by chance.
    """
    inline: list[Attachment] = []
    if html is not None and attachments:
        html, inline = _shown(html, attachments)
    parts = [] if text is None else [_text(text, "plain")]
    if html is not None:
        page = _text(html, "html")
        parts.append(_joined("related", [page, *(each.inline for each in inline)], mark))
    whole = _joined("alternative", parts, mark)
    shown = {each.name for each in inline}
    attached = [each.attached for each in attachments if each.name not in shown]
    return _joined("mixed", [whole, *attached], mark)


def _text(text: str, subtype: str) -> bytes:
    """A text as a part of 7 bits: no server on the way converts it and breaks a signature."""
    lines = text.encode().splitlines()
    content = b"\r\n".join([*lines, b""])
    encoding = "7bit"
    short = all(len(line) <= _LONGEST_LINE for line in lines)
    if not (short and content.isascii() and b"\0" not in content):
        encoding, content = _encoded(content)
    head = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode() + content


def _encoded(content: bytes) -> tuple[str, bytes]:
    """The shorter of two encodings, with its name."""
    printable = b2a_qp(content)
    # 78 characters of base64 for each 57 octets
    if len(printable) <= len(content) * 78 // 57:
        return "quoted-printable", printable
    return "base64", encodebytes(content).replace(b"\n", b"\r\n")


def _shown(html: str, attachments: Sequence[Attachment]) -> tuple[str, list[Attachment]]:
    """The HTML with the ids of the images that it shows by name, and these images."""
    named = {each.name: each for each in attachments}
    shown: dict[str, Attachment] = {}

    def link(found: re.Match[str]) -> str:
        image = named.get(found[1]) or named.get(unquote(found[1]))
        if image is None:
            return found[0]
        shown[image.name] = image
        return f"cid:{image.content_id}"

    return _CID.sub(link, html), list(shown.values())


def _joined(subtype: str, parts: Sequence[bytes], mark: str) -> bytes:
    """The parts as one, each of which ends with a line end; a single part stays as it is."""
    if len(parts) == 1:
        return parts[0]
    boundary = f"=_{subtype}_{mark}"
    opening = f"--{boundary}\r\n".encode()
    return b"".join(
        [
            f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode(),
            *(opening + part for part in parts),
            f"--{boundary}--\r\n".encode(),
        ]
    )

"""Tokens of links: which message and which link, signed so that they cannot be made elsewhere.

A token is kind (1 byte), message id (16), index of the link (2) and 12 bytes of HMAC-SHA256: 31
bytes, 42 characters of base64url. In a click the signature covers the target as well, which stands
in the URL, so a redirect needs no database.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args
from uuid import UUID

LinkKind = Literal["click", "open", "unsubscribe", "preferences", "confirm", "view", "hidden"]
"""What a link is for; `hidden` is the one that no reader sees, and only robots follow."""

SHORTEST_KEY: Final = 32
LONGEST_KEY: Final = 256
MOST_KEYS: Final = 32
MAX_INDEX: Final = 0xFFFF
"""The largest index of a link in its message."""

CODE_LENGTH: Final = 10
"""Characters of the code of a link in a text message: 59 bits."""

_KINDS: Final = get_args(LinkKind)
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS, start=1)}
_HEAD: Final = 19
_SIGNATURE: Final = 12
_BLOCK: Final = 64
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_PURPOSE: Final = b"parcours.link.1\0"
_CODE_PURPOSE: Final = b"parcours.code.1\0"
_CLIENT_PURPOSE: Final = b"parcours.client.1\0"
_VISIT_PURPOSE: Final = b"parcours.visit.1\0"
_CODE_CHARACTERS: Final = string.ascii_letters + string.digits
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{42}", re.ASCII)
_VISIT_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VISIT_HEAD: Final = 20


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine token says."""

    kind: LinkKind
    message_id: UUID
    index: int
    """The place of the link in its message, from 0."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What the genuine token of a visit says: by a link of which message a reader came, and when.

    It says nothing about who the reader is: mails are forwarded.
    """

    message_id: UUID
    clicked_at: datetime


class LinkKeys:
    """The keys under which links are signed, newest first.

    The newest signs; any of them verifies, so that the links of old mail keep working. Raises
    ValueError for too many keys, and for one whose length is out of bounds.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        if not 0 < len(keys) <= MOST_KEYS:
            raise ValueError(f"there must be 1 to {MOST_KEYS} keys")
        for key in keys:
            if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
                raise ValueError(f"a key has {SHORTEST_KEY} to {LONGEST_KEY} characters")
        self._keys = tuple(_Key(key.encode()) for key in keys)

    def token(self, kind: LinkKind, message_id: UUID, index: int = 0, target: str = "") -> str:
        """The token of a link, 42 characters of base64url.

        `target` is signed with it and is no part of it. Raises OverflowError for an index that
        does not fit.
        """
        head = bytes((_NUMBERS[kind],)) + message_id.bytes + index.to_bytes(2, "big")
        signed = head + _signature(self._keys[0], head, target)
        return b2a_base64(signed, newline=False)[:42].translate(_URL_SAFE).decode("ascii")

    def code(self, message_id: UUID, target: str) -> str:
        """The code of a stored link, of CODE_LENGTH characters, which cannot be guessed.

        It is the same for the same target, so a message that is sent again has the same links.
        """
        signed = _CODE_PURPOSE + message_id.bytes + target.encode("utf-8", "surrogatepass")
        number = int.from_bytes(self._keys[0].digest(signed)[:8], "big")
        characters = []
        for _ in range(CODE_LENGTH):
            number, rest = divmod(number, len(_CODE_CHARACTERS))
            characters.append(_CODE_CHARACTERS[rest])
        return "".join(characters)

    def sign(self, purpose: bytes, signed: bytes) -> bytes:
        """The 12 bytes that sign something for a purpose of its own."""
        return self._keys[0].digest(b"parcours." + purpose + b"\0" + signed)[:_SIGNATURE]

    def has_signed(self, purpose: bytes, signed: bytes, signature: bytes) -> bool:
        """Whether any of the keys has signed it for this purpose."""
        genuine = False
        for key in self._keys:
            wanted = key.digest(b"parcours." + purpose + b"\0" + signed)[:_SIGNATURE]
            genuine |= hmac.compare_digest(signature, wanted)
        return genuine

    def pseudonym(self, text: str) -> str:
        """A name for a client of links, by which its address cannot be found."""
        signed = _CLIENT_PURPOSE + text.encode("utf-8", "replace")
        return self._keys[0].digest(signed)[:9].hex()

    def visit(self, message_id: UUID, clicked_at: datetime) -> str:
        """The token by which a site knows a reader who came by a link, 43 characters of base64url.

        It holds the message id (16 bytes), the time (4) and a signature (12).
        """
        head = message_id.bytes + int(clicked_at.timestamp()).to_bytes(4, "big")
        signed = head + self._keys[0].digest(_VISIT_PURPOSE + head)[:_SIGNATURE]
        return urlsafe_b64encode(signed)[:43].decode("ascii")

    def read_visit(self, text: str) -> Visit | None:
        """What the token of a visit says; None if none of the keys has signed it."""
        if _VISIT_TEXT.fullmatch(text) is None:
            return None
        signed = urlsafe_b64decode(text + "=")
        # The last character holds two bits of nothing.
        if urlsafe_b64encode(signed)[:43] != text.encode():
            return None
        head, signature = signed[:_VISIT_HEAD], signed[_VISIT_HEAD:]
        genuine = False
        for key in self._keys:
            wanted = key.digest(_VISIT_PURPOSE + head)[:_SIGNATURE]
            genuine |= hmac.compare_digest(signature, wanted)
        if not genuine:
            return None
        seconds = int.from_bytes(head[16:], "big")
        return Visit(UUID(bytes=head[:16]), datetime.fromtimestamp(seconds, UTC))

    def read(self, text: str, target: str = "") -> Token | None:
        """The token that a text is; None if none of the keys has signed it with this target."""
        if _TEXT.fullmatch(text) is None:
            return None
        signed = urlsafe_b64decode(text + "==")
        # The last character holds four bits of nothing: of its 16 spellings one is genuine.
        if urlsafe_b64encode(signed)[:42] != text.encode():
            return None
        head, signature = signed[:_HEAD], signed[_HEAD:]
        genuine = False
        for key in self._keys:
            genuine |= hmac.compare_digest(signature, _signature(key, head, target))
        number = head[0]
        if not genuine or not 0 < number <= len(_KINDS):
            return None
        return Token(_KINDS[number - 1], UUID(bytes=head[1:17]), int.from_bytes(head[17:], "big"))


class _Key:
    """A key, prepared for many signatures (HMAC-SHA256): this takes a third of the time."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, signed: bytes) -> bytes:
        """The 32 bytes of the HMAC."""
        inner = self._inner.copy()
        inner.update(signed)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def _signature(key: _Key, head: bytes, target: str) -> bytes:
    # Half of a surrogate pair can be in a text that was asked for, never in one that was signed.
    return key.digest(_PURPOSE + head + target.encode("utf-8", "surrogatepass"))[:_SIGNATURE]

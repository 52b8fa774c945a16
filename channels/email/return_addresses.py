"""Addresses under a domain of ours to which bounces, replies and unsubscriptions of a message go.

`bounce+TOKEN@DOMAIN`: the token is a kind (1 byte), the message's id (16) and 9 bytes of
HMAC-SHA256, in base32, because mail servers may change the case of what stands before the @. So
only those who got a message can report that it bounced.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args
from uuid import UUID

from pydantic import SecretStr

ReturnKind = Literal["bounce", "reply", "unsubscribe"]
KINDS: Final[tuple[ReturnKind, ...]] = get_args(ReturnKind)

_PURPOSE: Final = b"parcours.return.1\0"
_SIGNATURE: Final = 9
_ADDRESS = re.compile(
    rf"(?P<kind>{'|'.join(KINDS)})(?:\+(?P<token>[a-z2-7]{{42}}))?@(?P<domain>[^@]+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """What an address of ours is for."""

    kind: ReturnKind
    message_id: UUID | None
    """None for the plain address: the mail itself has to name the message."""


class ReturnAddresses:
    """The addresses under one domain. The newest key, the first one, signs; all of them verify."""

    __slots__ = ("_domain", "_keys")

    def __init__(self, domain: str, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("addresses under a domain of ours need a key")
        self._domain = domain.lower()
        self._keys = tuple(key.encode() for key in keys)

    @property
    def domain(self) -> str:
        """The domain, in lower case."""
        return self._domain

    def address(self, kind: ReturnKind, message_id: UUID) -> str:
        """The address of this kind for a message."""
        head = bytes((KINDS.index(kind),)) + message_id.bytes
        signed = head + _signature(self._keys[0], head)
        token = b32encode(signed).decode("ascii").rstrip("=").lower()
        return f"{kind}+{token}@{self._domain}"

    def read(self, address: str) -> ReturnAddress | None:
        """What an address is for; None if it is not one of ours, or not a genuine one."""
        if len(address) > 320:
            return None
        match = _ADDRESS.fullmatch(address.strip().lower())
        if match is None or match["domain"] != self._domain:
            return None
        kind = next(kind for kind in KINDS if kind == match["kind"])
        if match["token"] is None:
            return ReturnAddress(kind, None)
        try:
            signed = b32decode(match["token"].upper() + "======")
        except ValueError:
            return None
        head, signature = signed[:17], signed[17:]
        genuine = False
        for key in self._keys:
            genuine |= hmac.compare_digest(signature, _signature(key, head))
        if not genuine or head[0] != KINDS.index(kind):
            return None
        return ReturnAddress(kind, UUID(bytes=head[1:]))


class InboundSettings(Protocol):
    """The settings of addresses of ours, by their names in `infra.settings.Settings`."""

    @property
    def inbound_domain(self) -> str | None:
        """The domain of the addresses."""

    @property
    def link_keys(self) -> Sequence[SecretStr]:
        """The keys, newest first."""


def return_addresses(settings: InboundSettings) -> ReturnAddresses | None:
    """The addresses of an installation; None if it has no domain for them."""
    if settings.inbound_domain is None:
        return None
    keys = [key.get_secret_value() for key in settings.link_keys]
    return ReturnAddresses(settings.inbound_domain, keys)


def _signature(key: bytes, head: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + head, "sha256")[:_SIGNATURE]

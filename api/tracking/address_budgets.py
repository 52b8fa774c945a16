"""Budgets of network addresses: how many calls one address may make in a minute by a key.

One visitor, or one robot, cannot use up what the key has for all. Each process counts for itself,
in a bounded memory. The address is the client's, or what a proxy of `FORWARDED_ALLOW_IPS` says.
"""

from __future__ import annotations

import time
from ipaddress import IPv6Address, ip_address
from typing import Final
from uuid import UUID

_MINUTE: Final = 60
_MOST: Final = 50_000
"""Addresses that are counted apart. Those that come later in a minute share one budget."""
_HOST_BITS: Final = 64
"""A household has as many addresses of IPv6 as this: they count as one."""


class AddressBudgets:
    """The calls of this minute by key and network address."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._minute = 0
        self._used: dict[tuple[UUID, str], int] = {}

    def take(self, key_id: UUID, address: str, budget: int, wanted: int) -> int:
        """How many of the `wanted` calls are within the address's budget; these are counted."""
        minute = int(_now() // _MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
        place = (key_id, _network(address))
        if place not in self._used and len(self._used) >= self._most:
            place = (key_id, "")
        used = self._used.get(place, 0)
        allowed = max(min(wanted, budget - used), 0)
        self._used[place] = used + allowed
        return allowed


def _now() -> float:
    """Seconds since 1970."""
    return time.time()


def _network(address: str) -> str:
    """The address, or of IPv6 the network of its household."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{int(parsed) >> _HOST_BITS:x}:"
    return address

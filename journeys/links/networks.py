"""Networks of addresses, and the file of those from which scanners of mail open links."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final

SCANNERS: Final = Path(__file__).parent / "scanners.txt"
"""The networks of scanners, unless a setting names another file."""


class Networks:
    """Networks of addresses, of which each is found in the time of a few comparisons."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises ValueError for a text that is not a network."""
        spans = sorted(
            (_key(parsed[0]), _key(parsed[-1]))
            for parsed in (ip_network(network, strict=False) for network in networks)
        )
        merged: list[tuple[tuple[int, int], tuple[int, int]]] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]

    @classmethod
    def read(cls, path: Path) -> Networks:
        """The networks of a file, one a line; what follows `#` is left out.

        Raises ValueError with the line that is wrong, and OSError.
        """
        lines = path.read_text(encoding="utf-8").splitlines()
        networks = []
        for number, line in enumerate(lines, start=1):
            network = line.partition("#")[0].strip()
            if not network:
                continue
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{path}, line {number}: {network!r} is no network") from None
            networks.append(network)
        return cls(networks)

    def __contains__(self, address: str) -> bool:
        try:
            key = _key(ip_address(address))
        except ValueError:
            return False
        place = bisect_right(self._starts, key)
        return place > 0 and key <= self._ends[place - 1]


def _key(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)

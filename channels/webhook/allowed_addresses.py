"""The addresses that webhooks may call: the public internet, and networks that a setting allows.

Authors of journeys choose the URL of a webhook, and attributes of contacts may be part of it.
Neither may reach addresses that only this machine can reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, in full. `is_global` of the standard library
# differs from them, and between patch releases of Python.
_RESERVED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT, and the metadata of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's metadata on a public address
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

_GLOBAL_UNICAST = ip_network("2000::/3")
"""The IPv6 addresses that are assigned to the public; all others are refused."""
_RESERVED_6: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_NAT64 = ip_network("64:ff9b::/96")


class Forbidden(ValueError):
    """A host whose addresses a webhook may not call. The message is for people."""


class AddressPolicy:
    """The check of addresses: public ones pass, and those in `allow`.

    `allow` holds networks, or CIDRs such as `10.1.0.0/16`. Raises ValueError for a text that is not
    a CIDR.
    """

    def __init__(self, allow: Iterable[str | Network] = ()) -> None:
        self._allowed: list[Network] = []
        for text in allow:
            try:
                self._allowed.append(ip_network(str(text).strip()))
            except ValueError as error:
                raise ValueError(
                    f"PARCOURS_WEBHOOK_ALLOW holds {str(text)!r}, which is no network: {error}; "
                    "write CIDRs such as 10.1.0.0/16,fd00::/8"
                ) from None

    def permits(self, address: str) -> bool:
        """Whether a webhook may connect to this IP address. Raises ValueError if it is not one."""
        target = _target(ip_address(address.partition("%")[0]))
        if any(target in network for network in self._allowed):
            return True
        if isinstance(target, IPv4Address):
            return not any(target in network for network in _RESERVED)
        return target in _GLOBAL_UNICAST and not any(target in network for network in _RESERVED_6)

    def permitted(self, host: str, addresses: Iterable[str]) -> list[str]:
        """The addresses of `host` that a webhook may connect to, in order.

        Raises Forbidden if there is no such address.
        """
        known = list(addresses)
        permitted = [address for address in known if self.permits(address)]
        if not permitted:
            raise Forbidden(
                f"{host} is at {', '.join(known) or 'no address'}, which is not on the public "
                "internet: webhooks reach it only if PARCOURS_WEBHOOK_ALLOW holds its network"
            )
        return permitted


def _target(address: Address) -> Address:
    """The address that is reached: an IPv6 address may hold an IPv4 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address

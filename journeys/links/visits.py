"""Visits: how a site of ours knows by which message a reader came, for a while.

The redirect of a link adds a signed token to targets on our own sites, and to no others. The script
of the site sends it with its calls. It identifies a browser for tracking alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

PARAMETER: Final = "parcours_visit"
"""The query parameter that holds the token."""

VALID_FOR: Final = timedelta(days=30)
"""How long after the click the token is taken."""

# A browser may read another host than we do in what is written in another way: it gets no token.
_HOST: Final = re.compile(
    r"https?://([a-z0-9.-]+)(:[0-9]{1,5})?(?=[/?#]|$)", re.ASCII | re.IGNORECASE
)
_SITE: Final = re.compile(
    r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?",
    re.ASCII,
)


class Sites:
    """The hosts of our own sites: `shop.example`, `*.shop.example`, `127.0.0.1:8080`.

    One without a port stands for all ports of the host; `*.` for all hosts below it, but not for
    the host itself. Raises ValueError with what is no host.
    """

    __slots__ = ("_below", "_hosts")

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts: set[str] = set()
        self._below: list[str] = []
        for given in hosts:
            host = given.lower()
            if _SITE.fullmatch(host) is None:
                raise ValueError(
                    f"{given!r} is no host such as shop.example, *.shop.example or 127.0.0.1:8080"
                )
            if host.startswith("*."):
                self._below.append(host[1:])
            else:
                self._hosts.add(host)

    def __bool__(self) -> bool:
        return bool(self._hosts or self._below)

    def has(self, url: str) -> bool:
        """Whether a URL in ASCII leads to one of them."""
        found = _HOST.match(url)
        if found is None:
            return False
        host, port = found[1].lower(), found[2] or ""
        return (
            host in self._hosts
            or host + port in self._hosts
            or any(host.endswith(end) or (host + port).endswith(end) for end in self._below)
        )

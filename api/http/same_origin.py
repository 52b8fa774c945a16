"""Which page made a request: one of the console's own, or one of another site.

A cookie goes with every request of a browser, whichever page makes it: what a request by cookie may
do depends on the page. Browsers say which one it is, and pages cannot change that.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from api.http.problems import Problem

_READING: Final = frozenset({"GET", "HEAD"})
_PORTS: Final = {"http": 80, "https": 443}
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def host_of(request: Request) -> tuple[str, int]:
    """The host and the port that the request is for, as the browser has them in its address."""
    return _split(f"//{request.headers.get('host', '')}", _PORTS[scheme_of(request)])


def scheme_of(request: Request) -> str:
    """`https` or `http`: what the connection is, or what a trusted proxy says."""
    return "https" if request.scope.get("scheme") == "https" else "http"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(request: Request) -> bool:
    """Whether the browser's connection is encrypted, or must be for what the answer sets.

    A proxy may end the encryption before us and not say so. On loopback alone nothing needs it.
    """
    return scheme_of(request) == "https" or not is_loopback(host_of(request)[0])


def refuse_foreign(request: Request) -> None:
    """Raise Problem 403 unless the request was made by a page of this address.

    One that reads may also come from a person who opens an address, or from a browser that does
    not say where it comes from: other sites cannot read the answer, and the cookie does not go with
    their requests.
    """
    reading = request.method in _READING
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin" and not (reading and site == "none"):
        raise _foreign(f"a page of another site made this request ({site[:20]})")
    if origin is not None and not _is_own(request, origin):
        raise _foreign(f"a page of {origin[:100]!r} made this request")
    if not reading and origin is None and site is None:
        raise _foreign("a request by the console's cookie names its page in the header Origin")


def comes_from_this_machine(request: Request) -> bool:
    """Whether a browser on this machine made the request, by an address of this machine.

    The name in the address is looked at as well: another site may give its own name the address
    127.0.0.1, and its pages would then be of the same origin. So is what proxies add: behind one,
    every client is on this machine.
    """
    client = request.client
    return (
        client is not None
        and is_loopback(client.host)
        and is_loopback(host_of(request)[0])
        and not any(name in request.headers for name in _FORWARDED)
    )


def _foreign(why: str) -> Problem:
    return Problem(
        403,
        "foreign_origin",
        f"{why}: sessions of the console are for its own pages; a program sends its key",
    )


def _is_own(request: Request, origin: str) -> bool:
    scheme = origin.partition(":")[0].lower()
    if scheme not in _PORTS:
        return False
    if scheme == "http" and is_secure(request):
        return False
    host, port = _split(origin, _PORTS[scheme])
    # Behind a proxy that ends the encryption, the port that is not named is the browser's.
    own = _split(f"//{request.headers.get('host', '')}", _PORTS[scheme])
    return bool(host) and (host, port) == own


def _split(address: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").lower(), parts.port or port
    except ValueError:
        return "", port

"""Targets of links: which ones are followed, and their campaign parameters.

A signed target is the URL as the author wrote it and, after a space, the campaign parameters that
the redirect adds. So a click is recorded under the author's URL, and needs no database.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from journeys.model.tracking import Utm

_WEB: Final = re.compile(r"https?://[^\s/?#@\\]", re.IGNORECASE)
_LINE_BREAKS: Final = re.compile(r"[\t\r\n]+")
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_KEPT: Final = "%:/?#[]@!$&'()*+,;=~"


class Target(NamedTuple):
    """Where a link leads: the author's URL and the campaign parameters to add."""

    url: str
    parameters: str = ""
    """`utm_source=a&utm_medium=b`, encoded; empty if nothing is added."""

    @property
    def text(self) -> str:
        """The target as one text, which is what a link signs."""
        return f"{self.url} {self.parameters}" if self.parameters else self.url

    @property
    def location(self) -> str:
        """The URL to which a reader is sent: in ASCII also if the author's URL is not."""
        return _as_ascii(add_parameters(self.url, self.parameters))


def read_target(text: str) -> Target | None:
    """The target of a signed text; None if it leads to no page of the web."""
    url, _, parameters = text.partition(" ")
    if clean_url(url) != url or " " in parameters or _FORBIDDEN.search(parameters):
        return None
    return Target(url, parameters)


def clean_url(value: str) -> str | None:
    """The URL that a browser reads in an attribute; None if it is not one of the web.

    Spaces at the ends and line breaks are removed, other spaces encoded.
    """
    url = value.strip(" \t\r\n\f")
    if _WEB.match(url) is None:
        return None
    if _FORBIDDEN.search(url) is not None:
        url = _LINE_BREAKS.sub("", url)
        if _FORBIDDEN.search(url) is not None:
            return None
    if ("[" in url or not url.isascii()) and not _has_host(url):
        return None
    return url.replace(" ", "%20")


class Campaign:
    """The campaign parameters of messages, encoded once for all of their links."""

    __slots__ = ("_all", "_pairs")

    def __init__(self, utm: Utm) -> None:
        self._pairs = [
            (re.compile(rf"[?&]{name}=", re.IGNORECASE), f"{name}={quote(value, safe='')}")
            for name, value in utm.parameters().items()
        ]
        self._all = "&".join(pair for _, pair in self._pairs)

    def target(self, url: str) -> Target:
        """The target of a link; parameters that its URL has already are kept."""
        if "utm_" not in url.lower():
            return Target(url, self._all)
        query = url.partition("#")[0]
        missing = [pair for name, pair in self._pairs if name.search(query) is None]
        return Target(url, "&".join(missing))


@lru_cache(maxsize=1024)
def campaign_of(utm: Utm) -> Campaign:
    """The campaign of these parameters."""
    return Campaign(utm)


def add_parameters(url: str, parameters: str) -> str:
    """The URL with parameters at the end of its query, before its fragment."""
    if not parameters:
        return url
    before, mark, fragment = url.partition("#")
    separator = "" if before.endswith(("?", "&")) else "&" if "?" in before else "?"
    return f"{before}{separator}{parameters}{mark}{fragment}"


def _has_host(url: str) -> bool:
    try:
        return urlsplit(url).hostname is not None
    except ValueError:
        # A bracket that is not closed, or a letter that looks like the end of the host.
        return False


def _as_ascii(url: str) -> str:
    if url.isascii():
        return quote(url, safe=_KEPT)
    host = urlsplit(url).hostname
    if host is not None and not host.isascii():
        try:
            url = url.replace(host, host.encode("idna").decode("ascii"), 1)
        except UnicodeError:
            # A browser reads an encoded host as well.
            pass
    return quote(url, safe=_KEPT)

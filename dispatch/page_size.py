"""The size of pages that hold locks: as large as fits into a short time, found while working."""

from __future__ import annotations

from typing import Final

AIM: Final = 0.2
"""Seconds that a page is to take, about: so long others wait for a contact that it has locked."""
_GROWTH: Final = 2


class PageSize:
    """The number of things of the next page."""

    def __init__(self, most: int, *, first: int | None = None) -> None:
        """`first`: the size to begin with; without it the largest."""
        self._most = most
        self.now = most if first is None else min(first, most)

    def took(self, things: int, seconds: float) -> None:
        """Follow how long a page took that was worked through."""
        fits = int(things * AIM / max(seconds, 0.001))
        if fits < self.now:
            self.now = max(fits, self.now // 4, 1)
        elif things >= self.now:
            self.now = max(min(fits, self.now * _GROWTH, self._most), 1)

    def failed(self) -> None:
        """Take fewer things after a page that was not worked through."""
        self.now = max(self.now // 4, 1)

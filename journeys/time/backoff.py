"""Exponential back-off: how long to wait before the next attempt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays in seconds: `first`, then each twice the one before, up to `longest`."""

    first: float
    longest: float

    def delay(self, failures: int) -> float:
        """The seconds to wait after so many failed attempts in a row, at least one."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)

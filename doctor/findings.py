"""Findings: what is well, and what to do about what is not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail"]

_CLOCKS_OK = timedelta(seconds=2)
_CLOCKS_FAIL = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    verdict: Verdict
    says: str
    """What was found, and what to do unless it is `ok`."""

    def as_json(self) -> dict[str, Any]:
        """The line for programs."""
        return asdict(self)


def ok(check: str, says: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, "ok", says)


def warn(check: str, says: str) -> Finding:
    """A finding that works, and could be better."""
    return Finding(check, "warn", says)


def fail(check: str, says: str) -> Finding:
    """A finding that must be corrected."""
    return Finding(check, "fail", says)


def clock_finding(check: str, other: str, ahead: timedelta, unsure: timedelta) -> Finding:
    """What a difference of clocks means. `unsure`: how exact the measurement is."""
    off = max(abs(ahead) - unsure, timedelta())
    words = f"this clock and that of {other} differ by {off.total_seconds():.1f} s"
    if off <= _CLOCKS_OK:
        return ok(check, words)
    words += ": synchronise both by NTP"
    return fail(check, words) if off > _CLOCKS_FAIL else warn(check, words)

"""Figures of benchmarks, and their budgets."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["met", "warning", "broken", "shown"]


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Only counts, bytes and ratios have a budget. Absolute times depend on the machine more than on
    the code, so they are only shown.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    warn_below: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Whether the budget holds."""
        if self.at_most is not None and self.value > self.at_most:
            return "broken"
        if self.at_least is not None and self.value < self.at_least:
            return "broken"
        if self.warn_below is not None and self.value < self.warn_below:
            return "warning"
        return "shown" if self.at_most is None and self.at_least is None else "met"

    def as_json(self) -> dict[str, Any]:
        """The figure for the report."""
        budget = {"at_most": self.at_most, "at_least": self.at_least, "warn_below": self.warn_below}
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "budget": {name: bound for name, bound in budget.items() if bound is not None},
            "verdict": self.verdict,
            **({"detail": self.detail} if self.detail else {}),
        }


def spread(values: Sequence[float]) -> dict[str, float]:
    """The smallest, the median and the greatest value."""
    return {
        "min": round(min(values), 5),
        "median": round(statistics.median(values), 5),
        "max": round(max(values), 5),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

"""Whether arms have as many contacts as their weights say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from journeys.statistics.distributions import chi_square_tail

MISMATCH_LEVEL: Final = 0.001
"""The p-value below which a mismatch is reported.

It is as small as that because it is looked at on many days. Source: Fabijan, Gupchup, Gupta,
Omhover, Qin, Vermeer and Dmitriev, “Diagnosing sample ratio mismatch in online controlled
experiments”, KDD 2019.
"""


def ratio_p_value(counts: Sequence[int], weights: Sequence[float]) -> float | None:
    """The p-value of Pearson's chi-square test that counts are in the ratio of the weights.

    None of less than two arms, or of no contacts.
    """
    total = sum(counts)
    if len(counts) < 2 or not total:
        return None
    whole = sum(weights)
    expected = [total * weight / whole for weight in weights]
    value = sum((seen - mean) ** 2 / mean for seen, mean in zip(counts, expected, strict=True))
    return chi_square_tail(value, len(counts) - 1)

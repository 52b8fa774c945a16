"""P-values of several comparisons that are made at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, in their order, corrected so that one level holds for all of them together.

    Of always-valid p-values the corrected ones are always valid as well: the first false rejection
    needs one of the m true hypotheses at level / m.

    Source: Holm, “A simple sequentially rejective multiple test procedure”, Scandinavian Journal of
    Statistics 6 (1979), 65–70.
    """
    corrected = [1.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected

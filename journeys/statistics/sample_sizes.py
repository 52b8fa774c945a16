"""How many contacts a comparison at a fixed horizon needs."""

from __future__ import annotations

import math

from journeys.statistics.distributions import normal_quantile


def contacts_per_arm(first: float, second: float, level: float, power: float) -> int | None:
    """The contacts of each of two equal arms by which these probabilities are distinguished.

    It is for the two-sided two-proportion z-test at `level`, which then rejects with probability
    `power`. None if the probabilities are equal: no number of contacts is enough.

    Source: Fleiss, Levin and Paik, “Statistical methods for rates and proportions”, 3rd edition
    (2003), formula 4.14, without the correction for continuity.
    """
    if first == second:
        return None
    mean = (first + second) / 2
    reject = normal_quantile(1 - level / 2) * math.sqrt(2 * mean * (1 - mean))
    detect = normal_quantile(power) * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil(((reject + detect) / (second - first)) ** 2)

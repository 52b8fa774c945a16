"""A method that allows a look on every day: which arm do the contacts with a result come from?

Contacts are put into arms at random, each for itself, by weights that are known. If the arms do not
differ, then each contact with a result (a click, a goal) is of the second arm with the probability
of that arm's weight, whenever it came and however long its result took. So the contacts with a
result are tosses of a coin whose bias is known, and the coin is tested by a mixture of likelihood
ratios: its bias is mixed over beta distributions around the known one. That ratio is a martingale,
so by Ville's inequality it exceeds 1 / level with a probability of at most the level, at any of
all the times at which one may look. No approximation is made: it holds for few contacts as well.

If the second arm's probability is `ratio` times that of the first one, the coin's bias is
`share * ratio / (share * ratio + 1 - share)`: the ratios whose bias is not rejected are an interval
that holds at all times together, a confidence sequence.

Sources: Lindon and Malek, “Anytime-valid inference for multinomial count data”, Advances in Neural
Information Processing Systems 35 (2022); for always-valid p-values and the mixture of sequential
probability ratios, Johari, Koomen, Pekelis and Walsh, “Always valid inference: continuous
monitoring of A/B tests”, Operations Research 70 (2022), 1806–1821.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from journeys.statistics.distributions import bisect, log_beta, normal_quantile
from journeys.statistics.intervals import Interval

METHOD: Final = "beta-binomial mixture e-process on the contacts with a result"
SOURCE: Final = "Lindon and Malek, NeurIPS 2022; Johari, Koomen, Pekelis and Walsh, 2022"

_MIXTURE: Final = ((60, 0.8), (4, 0.1), (1_000, 0.1))
"""Beta distributions by their concentration, each with its weight.

The first expects differences of about a quarter, which is best from a hundred results to ten
thousand; the others are for very large differences and for very small ones. Any mixture that is
chosen beforehand is valid.
"""
_MOST_NEEDED: Final = 10**12


@dataclass(frozen=True, slots=True)
class SequentialComparison:
    """What may be said of two arms at any time, however often one has looked."""

    p_value: float
    """Always valid: if the arms do not differ, it is ever below a level with a probability of at
    most that level."""
    interval: Interval
    """Of counts: the second arm's probability as a multiple of the first one's. Of means: their
    difference, the second minus the first."""


def compare_counts(first: int, second: int, share: float, level: float) -> SequentialComparison:
    """Two arms by their contacts with a result, of which the second has this share by weight.

    Args:
        first: contacts of the first arm with a result.
        second: contacts of the second arm with a result.
        share: the second arm's weight of the weights of both, in (0, 1).
        level: 0.05 for an interval of 95 %.
    """
    return SequentialComparison(
        counts_p_value(first, second, share), ratio_interval(first, second, share, level)
    )


def counts_p_value(first: int, second: int, share: float) -> float:
    """The always-valid p-value that both arms have the same probability of a result."""
    evidence = _log_mixture(first, second, share) - _log_likelihood(first, second, share)
    return math.exp(-max(0.0, evidence))


def ratio_interval(first: int, second: int, share: float, level: float) -> Interval:
    """The second arm's probability as a multiple of the first one's, at any time."""
    size = first + second
    if not size:
        return Interval(0.0, math.inf)
    seen = second / size
    least = _log_mixture(first, second, share) + math.log(level)

    def is_likely(bias: float) -> bool:
        return _log_likelihood(first, second, bias) > least

    low = bisect(lambda bias: not is_likely(bias), 0.0, seen) if second else 0.0
    high = bisect(is_likely, seen, 1.0) if first else 1.0
    return Interval(_ratio(low, share), _ratio(high, share))


def contacts_needed(
    first: float, second: float, share: float, level: float, power: float
) -> int | None:
    """The contacts of both arms together after which these probabilities are distinguished.

    With probability `power` at least, the p-value is at most `level` at that number; it may be so
    before. None if the probabilities are equal, or if no number would be enough.
    """
    of_second = share * second
    results = of_second + (1 - share) * first
    if first == second or not results:
        return None
    bias = of_second / results
    toward = math.copysign(1.0, bias - share)
    z = normal_quantile(power)

    def too_few(size: float) -> bool:
        unlucky = size * bias - toward * z * math.sqrt(size * bias * (1 - bias))
        if toward * (unlucky - size * share) <= 0 or not 0 <= unlucky <= size:
            return True
        evidence = _log_mixture(size - unlucky, unlucky, share)
        return evidence - _log_likelihood(size - unlucky, unlucky, share) < -math.log(level)

    size = 1.0
    while too_few(size):
        size *= 2
        if size > _MOST_NEEDED:
            return None
    return math.ceil(bisect(too_few, size / 2, size) / results)


def _ratio(bias: float, share: float) -> float:
    return bias * (1 - share) / ((1 - bias) * share) if bias < 1 else math.inf


def _log_mixture(first: float, second: float, share: float) -> float:
    """The logarithm of the likelihood of the results, mixed over biases around the share."""
    mixed = [
        math.log(weight)
        + log_beta(size * share + second, size * (1 - share) + first)
        - log_beta(size * share, size * (1 - share))
        for size, weight in _MIXTURE
    ]
    largest = max(mixed)
    return largest + math.log(sum(math.exp(each - largest) for each in mixed))


def _log_likelihood(first: float, second: float, bias: float) -> float:
    """The logarithm of the likelihood of the results, where each is of the second by the bias."""
    return _log_power(1 - bias, first) + _log_power(bias, second)


def _log_power(base: float, exponent: float) -> float:
    if not exponent:
        return 0.0
    return exponent * math.log(base) if base > 0 else -math.inf

"""How much a price moves: the realised variance of its returns, which forgets what is long past."""

from __future__ import annotations

from math import exp, log, sqrt

USUAL = 0.02  # relative standard deviation of a day: that of a share of which nothing is known
MEMORY = 10.0  # days in which the weight of a return falls to a third (1/e)
SHORTEST = 1 / 1440  # days; two quotes a minute apart say nothing more than one


def updated(variance: float, before: float, after: float, days: float) -> float:
    """Return the variance of a day's logarithmic return, after a price went from *before* to *after* in *days*.

    Each return counts by its square, with exponentially fading weight; see RiskMetrics, Technical Document (1996),
    section 5.2. Prices are above zero.
    """
    days = max(days, SHORTEST)
    kept = exp(-days / MEMORY)
    return kept * variance + (1 - kept) * log(after / before) ** 2 / days


def per_day(variance: float) -> float:
    """Return the relative standard deviation of a day's return."""
    return sqrt(variance)

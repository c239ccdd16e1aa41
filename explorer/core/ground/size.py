"""The one law of size: how much an answer keeps or takes is known before it is computed, and too much is refused with what would fit."""

import math
from collections.abc import Mapping

from explorer.core.ground.prose import counted, plain

PATH = 20_000_000
"""The most numbers, of 8 bytes, that one path keeps, or that the steps of one call need before they begin: 160 MB."""

PAGE = 8_000_000
"""The most that an answer has which a page keeps for its visitors: 64 MB, of a few dozen answers."""

BATCH = 2**28
"""The most that the points of many runs have together, of which nothing but their verdicts is kept, or what is computed with: 2 GB."""

MOST_RUNS = 5_000_000
"""The most runs of one call: some forty numbers are kept of each in two dimensions, 1.7 GB together."""

REMEMBERED = 2**25
"""The most that an optimizer remembers of the runs that are computed side by side where they need not be: 256 MB."""

WORK = 2e10
"""The most multiplications of one answer, steps × dimensions × examples × runs: half a minute or less on one core."""


def check_size(name: str, value: int, beside: Mapping[str, int], most: float, *, plus: int = 0, otherwise: str = "") -> None:
    """Refuse a `value` if ``(value + plus)`` × all that is `beside` it is more than `most`, and say up to where it would fit.

    >>> check_size("steps", 10**12, {"dimension": 2, "run": 140}, PAGE, plus=1)
    Traceback (most recent call last):
    ...
    ValueError: steps must be ≤ 28,570 for 2 dimensions × 140 runs, got 1,000,000,000,000
    >>> check_size("steps", 5, {"dimension": 10**6, "run": 140}, PAGE, plus=1)
    Traceback (most recent call last):
    ...
    ValueError: dimensions × runs must be ≤ 8 × 10⁶, got 1,000,000 × 140
    """
    fits = int(most // math.prod(beside.values())) - plus if min(beside.values(), default=1) > 0 else math.inf
    if fits < min(value, 1):  # not even one
        got = " × ".join(f"{size:,}" for size in beside.values())
        raise ValueError(f"{' × '.join(f'{each}s' for each in beside)} must be ≤ {plain(most)}, got {got}{otherwise}")
    if value > fits:
        of = " × ".join(counted(size, each) for each, size in beside.items())
        raise ValueError(f"{name} must be ≤ {fits:,}{' for ' if of else ''}{of}, got {value:,}{otherwise}")

"""The one search for an edge: two rates between which runs begin to diverge."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.core.losses.protocol import Loss
from explorer.core.optimizers import Optimizer
from explorer.core.run.descent import run
from explorer.core.verdict.verdict import Verdict, judge

AT_ONCE = 32
"""Rates tried together in each round of the search for the edge: a batch costs little more than one run."""


def find_edge(
    loss: Loss,
    optimizer: Optimizer,
    low: float,
    high: float,
    *,
    steps: int = 1000,
    precision: float = 1e-4,
    **conditions: Any,
) -> tuple[float, float]:
    """Return two rates, at most a share `precision` apart, between which runs begin to diverge: measured, not predicted.

    `conditions` are what else `run` takes, such as `start` or `schedule`. `low` must not diverge and `high` must. Where verdicts
    alternate, the smallest diverging rate that was tried counts. Raises ValueError if the edge is not between them.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> low, high = find_edge(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), 0.1, 10.0)
    >>> round(low, 3), round(high, 3)
    (1.0, 1.0)
    """
    if not 0 < low < high < np.inf:
        raise ValueError(f"low and high must be finite and 0 < low < high, got {low} and {high}")
    while high > low * (1 + precision):
        rates = np.geomspace(low, high, AT_ONCE)
        diverged = judge(run(loss, optimizer, rates, steps=steps, **conditions)).verdict == Verdict.DIVERGED
        first = int(np.argmax(diverged))
        if diverged[0] or not diverged.any():
            raise ValueError(
                f"the edge must lie between low and high, but in {steps} steps {'low diverges' if diverged[0] else 'high does not diverge'}"
            )
        low, high = float(rates[first - 1]), float(rates[first])
    return low, high

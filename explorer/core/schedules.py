"""Schedules: from the step to the multiplier of the learning rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer.core.knobs import Shelf

Schedule = Callable[[NDArray[np.intp]], NDArray[np.float64]]
"""The multipliers at an array of steps, counted from 0: ``(n,) -> (n,)``."""

SCHEDULES: Shelf[Schedule] = Shelf("schedule")


@SCHEDULES
def constant() -> Schedule:
    """The same learning rate at every step.

    >>> constant()(np.arange(3))
    array([1., 1., 1.])
    """
    return lambda step: np.ones(np.shape(step))

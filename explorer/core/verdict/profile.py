"""A run's summary, of a size that does not depend on its steps: all that a verdict needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.run.descent import Trajectory

Array = NDArray[np.float64]

PARTS = 16
"""A run is cut into this many equal parts, so that its summary does not grow with its steps."""


ROUNDING = 64 * np.finfo(float).eps
"""Differences of this share of the loss are arithmetic noise, not movement."""


@dataclass(frozen=True, eq=False)
class Profile:
    """A run's summary, of a size that does not depend on its steps: all that a verdict needs.

    `highest`, `lowest` and `rises` (how often the loss rose) are ``(parts, runs)``, one row for each equal part of the run; all else is
    ``(runs,)``. `size` is the length of the last point, `turned` whether the last step went back against the one before it.
    """

    highest: Array
    lowest: Array
    rises: NDArray[np.intp]
    start_loss: Array
    final_loss: Array
    final_gradient: Array
    size: Array
    turned: NDArray[np.bool_]
    first_nonfinite: NDArray[np.intp]
    first_quantity: NDArray[np.str_]
    steps: int

    @classmethod
    def of(cls, trajectory: Trajectory) -> Profile:
        """The summary of a kept path."""
        loss, x = trajectory.loss, trajectory.x
        with np.errstate(all="ignore"):
            parts = np.unique(np.arange(PARTS) * len(loss) // PARTS)
            rose = np.diff(loss, axis=0, prepend=loss[:1]) > ROUNDING * np.abs(loss)
            last, before = np.diff(x[-3:], axis=0)[-2:] if len(x) > 2 else np.zeros((2, *x.shape[1:]))
            return cls(
                highest=np.fmax.reduceat(loss, parts),
                lowest=np.fmin.reduceat(loss, parts),
                rises=np.add.reduceat(rose.astype(np.intp), parts),
                start_loss=loss[0],
                final_loss=loss[-1],
                final_gradient=trajectory.gradient_norm[-1],
                size=np.sqrt((x[-1] ** 2).sum(axis=0)),
                turned=(last * before).sum(axis=0) < 0,
                **_first_nonfinite(trajectory),
                steps=trajectory.steps,
            )


def _first_nonfinite(trajectory: Trajectory) -> dict[str, NDArray[Any]]:
    """When each run left the number line, and which quantity went first: in the order in which a step computes them."""
    finite = np.stack([np.isfinite(trajectory.x).all(axis=1), np.isfinite(trajectory.loss), np.isfinite(trajectory.gradient_norm)], axis=1)
    step = np.where(finite.all(axis=1).all(axis=0), -1, (~finite.all(axis=1)).argmax(axis=0))
    quantity = np.array(["weight", "loss", "gradient"])[(~finite[step, :, np.arange(step.size)]).argmax(axis=1)]
    return {"first_nonfinite": step, "first_quantity": np.where(step < 0, "", quantity)}

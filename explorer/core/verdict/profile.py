"""A run's summary, of a size that does not depend on its steps: all that a verdict needs."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import must, typed
from explorer.core.run.descent import Trajectory

PARTS = 16  # a run is cut into this many equal parts, so that its summary does not grow with its steps


ROUNDING = 64 * np.finfo(float).eps  # differences of this share of the loss are arithmetic noise, not movement


@dataclass(frozen=True, eq=False)
class Profile:
    """A run's summary, of a size that does not depend on its steps: all that a verdict needs. ``(runs,)`` where nothing else is said.

    A loss that is inf at the start alone, and finite a step later, is no sign of anything: such a run is summed up from that step on.
    """

    highest: Array  # ``(parts, runs)``, a row for each equal part of the run
    lowest: Array  # ``(parts, runs)``
    rises: NDArray[np.intp]  # how often the loss rose, ``(parts, runs)``
    start_loss: Array
    final_loss: Array
    final_gradient: Array
    size: Array  # the length of the last point
    turned: NDArray[np.bool_]  # whether the last step went back against the one before it
    first_nonfinite: NDArray[np.intp]
    first_quantity: NDArray[np.str_]
    steps: int

    @classmethod
    def of(cls, trajectory: Trajectory) -> Self:
        """Return the summary of a kept path. Raises ValueError for what is none."""
        if not isinstance(trajectory, Trajectory):
            raise must("trajectory", "what run returns", typed(trajectory))
        return cls.seen(
            trajectory.loss, trajectory.x[-3:], trajectory.gradient_norm[-1], steps=trajectory.steps, **_first_nonfinite(trajectory)
        )

    @classmethod
    def seen(cls, loss: Array, last: Array, final_gradient: Array, *, steps: int, **lost: NDArray[Any]) -> Self:
        """Return the summary of losses ``(looks, runs)``, evenly spread over `steps`, and of the last points ``(at most 3, dim, runs)``.

        `lost` are `first_nonfinite` and `first_quantity`.
        """
        with np.errstate(all="ignore"):
            if len(loss) > 1:
                loss = np.concatenate([np.where(came_down(*loss[:2]), loss[1], loss[0])[np.newaxis], loss[1:]])
            parts = np.unique(np.arange(PARTS) * len(loss) // PARTS)
            rose = np.diff(loss, axis=0, prepend=loss[:1]) > ROUNDING * np.abs(loss)
            back, forth = np.diff(last, axis=0) if len(last) > 2 else np.zeros((2, *last.shape[1:]))
            return cls(
                highest=np.fmax.reduceat(loss, parts),
                lowest=np.fmin.reduceat(loss, parts),
                rises=np.add.reduceat(rose.astype(np.intp), parts),
                start_loss=loss[0],
                final_loss=loss[-1],
                final_gradient=final_gradient,
                size=np.sqrt((last[-1] ** 2).sum(axis=0)),
                turned=(back * forth).sum(axis=0) < 0,
                steps=steps,
                **lost,
            )


def _first_nonfinite(trajectory: Trajectory) -> dict[str, NDArray[Any]]:
    """Return the first step at which each run was not finite, and its first quantity: in the order in which a step computes them."""
    finite = np.stack([np.isfinite(trajectory.x).all(axis=1), np.isfinite(trajectory.loss), np.isfinite(trajectory.gradient_norm)], axis=1)
    if trajectory.steps:
        finite[0] |= came_down(*trajectory.loss[:2]) & finite[1].all(axis=0)
    step = np.where(finite.all(axis=1).all(axis=0), -1, (~finite.all(axis=1)).argmax(axis=0))
    quantity = np.array(["weight", "loss", "gradient"])[(~finite[step, :, np.arange(step.size)]).argmax(axis=1)]
    return {"first_nonfinite": step, "first_quantity": np.where(step < 0, "", quantity)}


def came_down(first: Array, second: Array) -> NDArray[np.bool_]:
    """Return whether the loss was inf at the start ``(runs,)`` and finite one step later: thrown far out, and caught."""
    return np.asarray((first == np.inf) & np.isfinite(second))

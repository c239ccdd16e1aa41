"""The mini-batch that raised the loss most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import DataLoss
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import sharpness
from explorer.core.theory.edge import as_seen


@dataclass(frozen=True, eq=False)
class Fuse:
    """The mini-batch whose step raised the whole loss by the largest factor."""

    step: int
    rows: NDArray[np.intp]  # the examples of step `step`
    before: float  # the whole loss there
    after: float  # the whole loss a step later
    curvature: float  # that batch's own sharpness there, as the rule saw it when it took the step
    edge: float  # the largest that is stable at this step's rate: 2/η for gradient descent

    @property
    def too_sharp(self) -> bool:
        """Whether that batch by itself was beyond the edge."""
        return not self.curvature <= self.edge


def fuse(trajectory: Trajectory, run: int = 0) -> Fuse | None:
    """Return the mini-batch that raised the loss of one run most; None without mini-batches, or if the loss never rose.

    A loss that is not finite after a step counts as the largest rise; the first of equal rises is named.

    >>> from explorer import LOSSES, OPTIMIZERS, run
    >>> line = LOSSES["linear_regression"](data="line", half=False)
    >>> path = run(line, OPTIMIZERS["gradient_descent"](), 1e-3, batch_size=1, steps=50)
    >>> lit = fuse(path)
    >>> lit.too_sharp, (5 * (lit.rows + 1)).tolist()    # 2(x² + 1) exceeds 2/η from x = 35 on
    (True, [40])
    """
    objective = trajectory.objective
    if trajectory.rows is None or not isinstance(objective, DataLoss) or not trajectory.steps:
        return None
    loss = trajectory.loss[:, run]
    with np.errstate(all="ignore"):
        factor = np.where(np.isfinite(loss[1:]), loss[1:] / loss[:-1], np.inf)
        factor = np.where(np.isfinite(loss[:-1]), factor, 0)
        at = int(np.argmax(factor))
        if not factor[at] > 1:
            return None
        rule, batch = trajectory.optimizer.on(np.array([run])), objective.on(trajectory.rows[at])
        seen = as_seen(rule, trajectory.preconditioner_at(at + 1, run))
        curvature = sharpness(batch, trajectory.x[at, :, run : run + 1], **seen)[0]
        limit = np.ravel(rule.largest_stable_curvature(trajectory.learning_rate[run] * trajectory.multiplier[at]))[0]
    return Fuse(at, trajectory.rows[at], float(loss[at]), float(loss[at + 1]), float(curvature), float(limit))

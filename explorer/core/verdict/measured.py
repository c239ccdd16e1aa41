"""What a run itself shows: its growth per step, the edge along its path, and the floor that its noise should leave."""

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import Array, Facts
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import spectrum
from explorer.core.theory.edge import edge_curvature
from explorer.core.theory.noise import MOST_DIMENSIONS, SecondMoment, floor_loss

ROUNDED = 1e-11
"""A gradient that is a smaller share than this of the largest before is rounding."""


def measured_growth(trajectory: Trajectory) -> Array:
    """Return the factor per step that a path really shows, ``(runs,)``: from the slope of log gradient norm over its later half.

    The gradient is proportional to the distance from a minimum, and unlike the loss it needs no minimum to be measured from. What
    has shrunk to rounding, or is no longer finite, is left out; nan where fewer than two steps are left.
    """
    norm = trajectory.gradient_norm
    with np.errstate(all="ignore"):
        logs = np.log(norm)
        usable = np.logical_and.accumulate(np.isfinite(logs) & (norm > ROUNDED * np.fmax.accumulate(norm, axis=0)), axis=0)
        count = usable.sum(axis=0)
        step = np.arange(len(norm))[:, np.newaxis]
        weight = usable & (step >= count // 2)
        n = weight.sum(axis=0)
        mean_step = (weight * step).sum(axis=0) / n
        centered = np.where(weight, step - mean_step, 0)
        slope = (centered * np.where(weight, logs, 0)).sum(axis=0) / (centered**2).sum(axis=0)
        return np.where(n >= 2, np.exp(slope), np.nan)


def edge_along(trajectory: Trajectory, run: int = 0, most: int = 120) -> tuple[NDArray[np.intp], Array]:
    """Return the edge at up to `most` steps of one run: the steps ``(n,)`` and the rates ``(n,)``.

    The edge moves with the curvature, and for a rule that preconditions with its P too, which `run` keeps on request (Cohen et al.
    2022, arXiv 2207.14484: such runs hover where the preconditioned curvature is edge/η). At the start it is that of the first step, whose
    P knows the gradient there. nan where a point is no longer finite.

    >>> from explorer import Setup
    >>> path = Setup("x_squared", "adam", 0.1, start=(1.0,), steps=2).run(keep_preconditioner=True)
    >>> edge_along(path)[1].round(2)    # 38/λmax(P⁻¹H), P = √v̂ + ε
    array([38.  , 38.  , 36.15])
    """
    finite = np.isfinite(trajectory.x[:, :, run]).all(axis=1)
    last = int(np.argmin(finite)) - 1 if not finite.all() else trajectory.steps
    steps = np.unique(np.linspace(0, max(last, 0), most).round().astype(np.intp))
    x, rule, divided_by = trajectory.x[steps][:, :, run].T, trajectory.optimizer.on(np.array([run])), None
    if rule.preconditioner is not None:
        if trajectory.preconditioner is None:
            raise ValueError("the trajectory must have its preconditioner: run(..., keep_preconditioner=True)")
        divided_by = trajectory.preconditioner[np.maximum(steps, min(1, trajectory.steps))][:, :, run].T
    curvature = edge_curvature(trajectory.objective, rule, x, divided_by)
    return steps, np.where(np.isnan(curvature), np.nan, rule.largest_stable_rate(curvature))


@np.errstate(all="ignore")
def thrown(trajectory: Trajectory) -> Array:
    """Return how far each run came from its start at most, in any coordinate, as a multiple of its rate: ``(runs,)``."""
    return np.asarray(np.abs(trajectory.x - trajectory.x[0]).max(axis=(0, 1)) / trajectory.learning_rate)


def useless_from(rates: Array, final: Array, start: float) -> float:
    """Return the smallest of the rates from which on no loss ends below `start`; infinite if that of the largest does.

    >>> useless_from(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 9.0, 0.2, np.nan]), 5.0)
    4.0
    """
    return float(np.min(rates[rates > np.max(rates[final < start], initial=-np.inf)], initial=np.inf))


def floors(trajectory: Trajectory) -> Array:
    """Return the loss that the randomness of each run leaves in theory, ``(runs,)``: the minimum plus the floor; nan where no theory holds.

    For noise on the gradient of a quadratic, under gradient descent or the heavy ball: the sum of `floor_loss` over the eigenvectors.
    For mini-batches of a quadratic under gradient descent: `SecondMoment.loss_floor`, of independent draws.
    """
    loss, rule, rate = trajectory.objective, trajectory.optimizer, trajectory.learning_rate
    minimizer = Facts(loss).minimizer
    plain = rule.is_linear and not np.any(rule.weight_decay) and bool((trajectory.multiplier == 1).all())
    if not (trajectory.stochastic and plain and Facts(loss).is_quadratic and minimizer is not None):
        return np.full(rate.size, np.nan)
    lowest = float(loss.minimum or 0.0)
    if trajectory.rows is None and np.all(rule.recurrence.det_h == 0):
        values, _ = spectrum(loss, minimizer)
        curved = values[values > 0]
        rate, momentum = rate * rule.recurrence.trace_h, rule.recurrence.det_0  # a dampened ball is one at a smaller rate
        each = floor_loss(trajectory.gradient_noise, rate, curved[:, np.newaxis], momentum)
        return np.asarray(lowest + each.sum(axis=0))
    if trajectory.rows is not None and rule.is_plain and not trajectory.gradient_noise and loss.dim <= MOST_DIMENSIONS:
        moment = SecondMoment.of(loss, minimizer, trajectory.rows.shape[1], replacement=trajectory.replacement)  # type: ignore[arg-type]
        return lowest + np.array([moment.loss_floor(float(each)) for each in rate])
    return np.full(rate.size, np.nan)

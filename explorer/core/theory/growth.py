"""How a run grows or shrinks in theory: the factor per step of each mode, and the step of overflow."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import LARGEST
from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.optimizers import Optimizer
from explorer.core.theory.curvature import DENSE, spectrum


@dataclass(frozen=True, eq=False)
class Modes:
    """A path on a quadratic, one eigenvector at a time, each by its own recurrence. Only for rules without a preconditioner."""

    eigenvalues: Array  # ``(modes,)``
    start: Array  # ``(modes,)``: the start's distance from the minimum along each
    minimum: float
    optimizer: Optimizer

    @classmethod
    def of(cls, loss: Loss, optimizer: Optimizer, start: Array) -> Self:
        """Return the modes of a loss whose Hessian is the same everywhere, from ``(dim,)``."""
        values, vectors = spectrum(loss, start)
        minimizer = Facts(loss).minimizer
        distance = start - (np.zeros(loss.dim) if minimizer is None else minimizer)
        return cls(values, vectors.T @ distance, loss.minimum or 0.0, optimizer)

    @np.errstate(all="ignore")  # the logarithm of nothing, the ratio of roots that are both 0
    def log_distance(self, learning_rate: Array, steps: NDArray[np.intp]) -> Array:
        """Return the natural logarithm of each mode's distance from the minimum: ``(runs,), (n,) -> (n, modes, runs)``.

        `steps` may be ``(n, runs)`` too, other steps for each run. In logarithms, because the interesting runs are those whose
        distance overflows.
        """
        h = np.multiply.outer(self.eigenvalues, learning_rate)
        z1, z2 = self.optimizer.recurrence.roots(h)
        start = np.broadcast_to(self.start[:, np.newaxis], h.shape)
        gradient = self.eigenvalues[:, np.newaxis] * start
        first, _ = self.optimizer.update(gradient, self.optimizer.init(start), start)
        after_one = start - learning_rate * first
        t = (steps[:, np.newaxis] if steps.ndim == 1 else steps)[:, np.newaxis, :]
        # x(t) = x(1) S(t) - x(0) det S(t-1) with S(t) = (z1^t - z2^t)/(z1 - z2), divided by z1^t throughout.
        ratio, gap = z2 / z1, z1 - z2
        double = np.abs(gap) < 1e-9 * np.abs(z1)
        now = np.where(double, t / z1, (1 - ratio**t) / np.where(double, 1, gap))
        before = np.where(double, (t - 1) / z1**2, (1 - ratio ** (t - 1)) / np.where(double, 1, gap) / z1)
        distance = np.log(np.abs(after_one * now - start * (z1 * z2) * before)) + t * np.log(np.abs(z1))
        distance = np.where(t == 0, np.log(np.abs(start)), np.where(t == 1, np.log(np.abs(after_one)), distance))
        return np.where(np.isnan(distance), -np.inf, distance)

    def log_excess(self, learning_rate: Array, steps: NDArray[np.intp]) -> Array:
        """Return the natural logarithm of the loss above its minimum, in theory: ``(runs,), (n,) or (n, runs) -> (n, runs)``."""
        with np.errstate(all="ignore"):
            each = 2 * self.log_distance(learning_rate, steps) + np.log(np.abs(self.eigenvalues) / 2)[:, np.newaxis]
            return np.asarray(np.logaddexp.reduce(np.where(np.isnan(each), -np.inf, each), axis=1))

    def overflow_step(self, learning_rate: Array, within: int = 10**6) -> NDArray[np.intp]:
        """Return the first step at which the loss should exceed the largest float64, at each rate; -1 if not `within` that many steps.

        The logarithm of the loss becomes a straight line, so the step is found by bisection, without a run.
        """
        low, high = np.zeros(learning_rate.size, dtype=np.intp), np.full(learning_rate.size, within, dtype=np.intp)

        def overflowed(step: NDArray[np.intp]) -> NDArray[np.bool_]:
            # A power of two hits the largest number exactly, and rounding of a logarithm must not miss it.
            return np.asarray(self.log_excess(learning_rate, step[np.newaxis])[0] > np.log(LARGEST) - 1e-12)

        never = ~overflowed(high)
        for _ in range(within.bit_length()):
            middle = (low + high) // 2
            beyond = overflowed(middle)
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.where(never, -1, high)


@dataclass(frozen=True, eq=False)
class Split:
    """The loss above the minimum split by the Hessian's eigenvectors: ½λc², with c the distance along each.

    Empty where the minimum is not known or nothing curves there. Exact on a quadratic, and near the minimum of others.
    """

    eigenvalues: Array  # ``(modes,)``
    growth: Array  # ``(modes,)``: the factor per step, nan where no recurrence tells it
    share: Array  # ``(steps+1, modes)``

    @classmethod
    @np.errstate(all="ignore")
    def of(cls, loss: Loss, optimizer: Optimizer, path: Array, *, rate: float, most: int) -> Self:
        """Return the split along a path ``(steps+1, dim)`` at one rate: of at most `most` modes the steepest, and always the flattest.

        >>> from explorer import LOSSES, OPTIMIZERS
        >>> loss, path = LOSSES["quadratic"](eigenvalues=(1.0, 10.0), rotation=0), np.array([[2.0, 1.0]])
        >>> split = Split.of(loss, OPTIMIZERS["gradient_descent"](), path, rate=0.1, most=5)
        >>> split.share.round(9).tolist(), split.growth.round(9).tolist()
        ([[5.0, 2.0]], [0.0, 0.9])
        """
        minimizer = Facts(loss).minimizer
        values, vectors = spectrum(loss, minimizer) if minimizer is not None else (np.empty(0), np.empty((loss.dim, 0)))
        chosen = np.flatnonzero(np.abs(values) > 0)[::-1]
        chosen = np.r_[chosen[: most - 1], chosen[-1:]] if chosen.size > most else chosen
        values, vectors = values[chosen], vectors[:, chosen]
        away = path - (0 if minimizer is None else minimizer)
        distance = away @ vectors
        # Beside a direction that has exploded, what is left in the others is only the rounding of the large one.
        distance[np.abs(distance) < 1e-13 * np.linalg.norm(away, axis=1)[:, np.newaxis]] = np.nan
        growth = np.full(values.shape, np.nan)
        if optimizer.is_linear:
            growth = optimizer.recurrence.growth((values + np.max(optimizer.weight_decay)) * rate)
        return cls(values, growth, 0.5 * values * distance**2)


@np.errstate(all="ignore")
def predicted_growth(loss: Loss, optimizer: Optimizer, learning_rate: Array, start: Array) -> Array:
    """Return the factor per step of the slowest-shrinking or fastest-growing mode at each rate ``(runs,)``, for a run from ``(dim,)``.

    Exact for a quadratic, in the long run; at the minimum for other losses; nan where there is no recurrence or no known minimum.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> predicted_growth(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), np.array([0.1, 1.1]), np.array([1.0]))
    array([0.8, 1.2])
    """
    quadratic, minimizer = Facts(loss).is_quadratic, Facts(loss).minimizer
    center = np.zeros(loss.dim) if quadratic and minimizer is None else minimizer  # a saddle has its modes too
    if center is None or not optimizer.is_linear or Facts(loss).edge_curvature is not None:
        return np.full(learning_rate.size, np.nan)
    values, vectors = spectrum(loss, center)
    if quadratic and not np.any(optimizer.weight_decay):
        # Only modes in which the start has a share; rounding adds a trace of the others, too small to see in a short run.
        share = np.abs(vectors.T @ (start - center))
        present = share > 1e-12 * share.max()
        values = values[present] if present.any() else values
    return np.asarray(optimizer.recurrence.growth(np.multiply.outer(values + optimizer.weight_decay, learning_rate)).max(axis=0))


@np.errstate(all="ignore")  # logarithms of nothing
def steps_to_go(loss: Loss, optimizer: Optimizer, learning_rate: Array, x: Array, goal: Array) -> Array:
    """Return in how many steps each run's loss will be at most `goal` above its minimum, from ``(dim, runs)``; nan where that is not known.

    Known on a quadratic, for a rule with a recurrence: each direction takes log(goal/½λc²) / 2 log(factor) steps, and the last one decides
    (THEORY 66).

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> loss, rule = LOSSES["quadratic"](eigenvalues=(1.0, 10.0), rotation=0), OPTIMIZERS["gradient_descent"]()
    >>> steps_to_go(loss, rule, np.array([0.1, 0.3]), np.ones((2, 2)), np.full(2, 1e-6)).round(1)
    array([62.3,  inf])
    """
    minimizer = Facts(loss).minimizer
    if not (Facts(loss).is_quadratic and optimizer.is_linear and minimizer is not None and loss.dim <= DENSE) or np.any(
        optimizer.weight_decay
    ):
        return np.full(learning_rate.size, np.nan)
    values, vectors = spectrum(loss, minimizer)
    above = 0.5 * values[:, np.newaxis] * (vectors.T @ (x - minimizer[:, np.newaxis])) ** 2
    pace = -2 * np.log(optimizer.recurrence.growth(np.multiply.outer(values, learning_rate)))
    each = np.where(above > goal, np.where(pace > 0, np.log(above / goal) / pace, np.inf), 0.0)
    return np.asarray(each.max(axis=0))

"""What theory says should happen: curvature, edges, growth per step and the step of overflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import ArrayLike, NDArray

from explorer.core.descent import Trajectory
from explorer.core.losses.protocol import Loss
from explorer.core.optimizers import Optimizer

Array = NDArray[np.float64]

DENSE = 200
"""Up to this many dimensions the Hessian is assembled, column by column; above, only products with it are taken."""

LARGEST = float(np.finfo(np.float64).max)


def hessian(loss: Loss, x: ArrayLike) -> Array:
    """The Hessian at one point ``(dim,)``, as ``(dim, dim)``: the exact products with the unit vectors, all at once.

    >>> from explorer import LOSSES
    >>> hessian(LOSSES["matyas"](), [0.0, 0.0])
    array([[ 0.52, -0.48],
           [-0.48,  0.52]])
    """
    point = np.asarray(x, dtype=float)
    product = loss.hvp(np.repeat(point[:, np.newaxis], loss.dim, axis=1), np.eye(loss.dim))
    return np.asarray((product + product.T) / 2)


def spectrum(loss: Loss, x: ArrayLike) -> tuple[Array, Array]:
    """All eigenvalues ``(dim,)``, smallest first, and eigenvectors ``(dim, dim)``, one a column, of the Hessian at ``(dim,)``.

    Beyond `DENSE` dimensions only the smallest and the largest are found, ``(2,)`` and ``(dim, 2)`` (Lanczos).
    """
    if loss.dim <= DENSE:
        values, vectors = scipy.linalg.eigh(hessian(loss, x))
        return values, vectors
    point = np.asarray(x, dtype=float)[:, np.newaxis]
    product = scipy.sparse.linalg.LinearOperator(
        (loss.dim, loss.dim), matvec=lambda v: loss.hvp(point, np.reshape(v, (-1, 1)))[:, 0], dtype=float
    )
    values, vectors = scipy.sparse.linalg.eigsh(product, k=2, which="BE", v0=_any_direction(loss.dim))
    return values, vectors


def sharpness(loss: Loss, x: Array, preconditioner: Array | None = None, weight_decay: ArrayLike = 0.0) -> Array:
    """The largest eigenvalue of the Hessian at each point: ``(dim, runs) -> (runs,)``; nan where the Hessian is not finite.

    With a diagonal `preconditioner` P ``(dim, runs)``, that of P⁻¹H; with a `weight_decay` w, a number or ``(runs,)``, H + w stands
    for H.
    """
    dim, runs = x.shape
    decay = np.broadcast_to(np.asarray(weight_decay, dtype=float), runs)
    with np.errstate(all="ignore"):
        scale = np.ones_like(x) if preconditioner is None else 1 / np.sqrt(preconditioner)
    if dim > DENSE:
        return np.array([_sharpness_by_lanczos(loss, x[:, i], scale[:, i], float(decay[i])) for i in range(runs)])
    with np.errstate(all="ignore"):
        units = np.tile(np.eye(dim), runs)
        product = loss.hvp(np.repeat(x, dim, axis=1), units).reshape(dim, runs, dim).transpose(1, 0, 2)
        product = product + decay[:, np.newaxis, np.newaxis] * np.eye(dim)
        matrices = product * scale.T[:, :, np.newaxis] * scale.T[:, np.newaxis, :]
    finite = np.isfinite(matrices).all(axis=(1, 2))
    top = np.full(runs, np.nan)
    top[finite] = np.linalg.eigvalsh((matrices[finite] + matrices[finite].transpose(0, 2, 1)) / 2)[:, -1]
    return top


@np.errstate(all="ignore")
def _sharpness_by_lanczos(loss: Loss, x: Array, scale: Array, decay: float) -> float:
    def product(v: Array) -> Array:
        scaled = scale * np.ravel(v)
        return np.asarray(scale * (loss.hvp(x[:, np.newaxis], scaled[:, np.newaxis])[:, 0] + decay * scaled))

    begin = _any_direction(x.size)
    first = product(begin)
    if not np.isfinite(first).all():
        return np.nan
    if not first.any():
        return 0.0  # flat, as where all units are dead: nothing for Lanczos to begin with
    operator = scipy.sparse.linalg.LinearOperator((x.size, x.size), matvec=product, dtype=float)
    return float(scipy.sparse.linalg.eigsh(operator, k=1, which="LA", v0=begin, return_eigenvectors=False)[0])


def _any_direction(dim: int) -> Array:
    """Where Lanczos begins: always the same, and along no symmetry that a loss may have."""
    return np.random.default_rng(0).standard_normal(dim)


@np.errstate(all="ignore")  # so far out that the curvature overflows, it is inf or nan
def critical_learning_rate(loss: Loss, optimizer: Optimizer, x: ArrayLike | None = None) -> float | Array:
    """The learning rate where theory puts the edge: the largest that is stable on the curvature at `x`.

    `x` is ``(dim,)`` or ``(dim, runs)``; by default the minimum, else the start. The curvature is the Hessian's largest eigenvalue,
    for a rule that preconditions that of P⁻¹(H + weight decay), with P as the rule has it after one look at the gradient at `x`. A loss
    with `edge_curvature` has a closed form of its own for the edge from `x`. Infinite where nothing curves upward.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> round(critical_learning_rate(LOSSES["quadratic"](eigenvalues=(1, 10)), OPTIMIZERS["momentum"](momentum=0.9)), 6)
    0.38
    >>> critical_learning_rate(LOSSES["x_fourth"](), OPTIMIZERS["gradient_descent"](), [2.0])    # |x| < 1/√(2η)
    0.125
    """
    point = np.asarray(_default_point(loss) if x is None else x, dtype=float)
    columns = point[:, np.newaxis] if point.ndim == 1 else point
    rate = optimizer.largest_stable_rate(edge_curvature(loss, optimizer, columns))
    return np.asarray(rate) if point.ndim == 2 or optimizer.runs > 1 else float(np.ravel(rate)[0])


@np.errstate(all="ignore")
def edge_curvature(loss: Loss, optimizer: Optimizer, x: Array) -> Array:
    """The curvature that decides whether `optimizer` is stable from each point: ``(dim, runs) -> (runs,)``.

    As `Optimizer.largest_stable_rate` wants it: with coupled weight decay where the rule divides both by its preconditioner, else without.
    """
    if optimizer.preconditioner is not None:
        x = np.broadcast_to(x, (len(x), max(x.shape[1], optimizer.runs)))
        _, gradient = loss.value_and_gradient(x)
        _, state = optimizer.update(gradient, optimizer.init(x), x)
        return sharpness(loss, x, np.broadcast_to(optimizer.preconditioner(state), x.shape), optimizer.weight_decay)
    closed_form = getattr(loss, "edge_curvature", None)
    return sharpness(loss, x) if closed_form is None else np.asarray(closed_form(x))


def edge_along(trajectory: Trajectory, run: int = 0, most: int = 120) -> tuple[NDArray[np.intp], Array]:
    """Where the edge was at (at most so many of) the steps of one run: the steps ``(n,)`` and the rates ``(n,)``.

    The edge moves with the curvature, and for a rule that preconditions with its P too, which `run` keeps on request (Cohen et al.
    2022, arXiv 2207.14484: such runs hover where the preconditioned curvature is edge/η). nan where a point is no longer finite.

    >>> from explorer import Setup
    >>> path = Setup("x_squared", "adam", 0.1, start=(1.0,), steps=2).run(keep_preconditioner=True)
    >>> edge_along(path)[1].round(2)    # 38/λmax(P⁻¹H), P = √v̂ + ε
    array([  nan, 38.  , 36.15])
    """
    finite = np.isfinite(trajectory.x[:, :, run]).all(axis=1)
    last = int(np.argmin(finite)) - 1 if not finite.all() else trajectory.steps
    steps = np.unique(np.linspace(0, max(last, 0), most).round().astype(np.intp))
    x, rule = trajectory.x[steps][:, :, run].T, trajectory.optimizer
    if rule.preconditioner is None:
        return steps, np.asarray(rule.largest_stable_rate(edge_curvature(trajectory.objective, rule, x)))
    if trajectory.preconditioner is None:
        raise ValueError("the trajectory must have its preconditioner: run(..., keep_preconditioner=True)")
    divided_by = trajectory.preconditioner[steps][:, :, run].T
    decayed = np.max(rule.weight_decay)
    with np.errstate(all="ignore"):
        curvature = sharpness(trajectory.objective, x, divided_by, decayed)
    edge = np.asarray(rule.largest_stable_rate(np.where(np.isnan(curvature), 0, curvature)))
    return steps, np.where(np.isnan(curvature), np.nan, edge)


def _default_point(loss: Loss) -> Array:
    minimizer = getattr(loss, "minimizer", None)
    return loss.start if minimizer is None else minimizer


def best_learning_rate(optimizer: Optimizer, eigenvalues: ArrayLike) -> float:
    """The rate whose slowest mode shrinks fastest on these curvatures; nan if no rate shrinks them all.

    For gradient descent it is 2/(μ + L) (Goh 2017, "Optimal step-size"); for the others the largest root over all modes is
    minimized, over the stable rates. Where a whole range of rates is best, the smallest of them.

    >>> from explorer import OPTIMIZERS
    >>> best_learning_rate(OPTIMIZERS["gradient_descent"](), [1, 9])
    0.2
    """
    curvatures = np.ravel(np.asarray(eigenvalues, dtype=float)) + optimizer.weight_decay
    smallest, largest = curvatures.min(), curvatures.max()
    if smallest <= 0:
        return float("nan")
    if optimizer.recurrence == type(optimizer.recurrence)():
        return float(2 / (smallest + largest))

    def slowest(rate: Array) -> Array:
        return optimizer.recurrence.growth(np.multiply.outer(np.array([smallest, largest]), rate)).max(axis=0)

    edge = float(optimizer.recurrence.edge / largest)
    rates = np.geomspace(edge / 1e4 / (largest / smallest), edge, 4000)
    for _ in range(3):  # each pass looks 2000 times closer around the best so far
        factors = slowest(rates)
        best = int(np.argmax(factors <= factors.min() * (1 + 1e-12)))
        rates = np.linspace(rates[max(best - 1, 0)], rates[min(best + 1, rates.size - 1)], 4000)
    return float(rates[np.argmin(slowest(rates))])


@dataclass(frozen=True)
class SecondOrder:
    """One step to second order, against what it did: ``f(x + Δ) - f(x) ≈ slope + bend``.

    `slope` is gᵀΔ, negative for a step downhill; `bend` is ½ΔᵀHΔ. For gradient descent Δ = -εg, so they are -εgᵀg and
    ½ε²gᵀHg, and the step goes uphill once the second outgrows the first (Goodfellow et al. 2016, sections 4.3.1 and 8.2.1).
    `actual` is the change of the loss that was seen. Exact on a quadratic.
    """

    slope: float
    bend: float
    actual: float

    @property
    def predicted(self) -> float:
        return self.slope + self.bend


def second_order(loss: Loss, x: Array, move: Array) -> SecondOrder:
    """The terms of one step from `x` ``(dim,)`` by `move` ``(dim,)``.

    >>> from explorer import LOSSES
    >>> second_order(LOSSES["x_squared"](), np.array([1.0]), np.array([-2.2]))
    SecondOrder(slope=-4.4, bend=4.840000000000001, actual=0.4400000000000004)
    """
    here, step = x[:, np.newaxis], move[:, np.newaxis]
    with np.errstate(all="ignore"):
        value, gradient = loss.value_and_gradient(here)
        slope, bend = (gradient * step).sum(), 0.5 * (step * loss.hvp(here, step)).sum()
        actual = loss.value(here + step)[0] - value[0]
    return SecondOrder(float(slope), float(bend), float(actual))


@dataclass(frozen=True, eq=False)
class Modes:
    """A path on a quadratic, one eigenvector at a time: each mode follows its own recurrence and knows nothing of the others.

    `eigenvalues` ``(modes,)``, `eigenvectors` ``(dim, modes)`` and `start` ``(modes,)``, the start's distance from the minimum along
    each. Only for rules without a preconditioner.
    """

    eigenvalues: Array
    eigenvectors: Array
    start: Array
    minimum: float
    optimizer: Optimizer

    @classmethod
    def of(cls, loss: Loss, optimizer: Optimizer, start: Array) -> Modes:
        """The modes of a loss whose Hessian is the same everywhere, from ``(dim,)``."""
        values, vectors = spectrum(loss, start)
        minimizer = getattr(loss, "minimizer", None)
        distance = start - (np.zeros(loss.dim) if minimizer is None else minimizer)
        return cls(values, vectors, vectors.T @ distance, loss.minimum or 0.0, optimizer)

    @np.errstate(all="ignore")
    def growth(self, learning_rate: ArrayLike) -> Array:
        """The factor per step of each mode at each rate: ``(runs,) -> (modes, runs)``."""
        return self.optimizer.recurrence.growth(np.multiply.outer(self.eigenvalues, np.asarray(learning_rate, dtype=float)))

    @np.errstate(all="ignore")  # the logarithm of nothing, the ratio of roots that are both 0
    def log_distance(self, learning_rate: Array, steps: NDArray[np.intp]) -> Array:
        """The natural logarithm of each mode's distance from the minimum: ``(runs,), (n,) -> (n, modes, runs)``.

        `steps` may be ``(n, runs)`` too, other steps for each run. In logarithms, because the interesting runs are those whose
        distance is no longer a number.
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
        """The natural logarithm of the loss above its minimum, in theory: ``(runs,), (n,) or (n, runs) -> (n, runs)``."""
        with np.errstate(all="ignore"):
            each = 2 * self.log_distance(learning_rate, steps) + np.log(np.abs(self.eigenvalues) / 2)[:, np.newaxis]
            return np.asarray(np.logaddexp.reduce(np.where(np.isnan(each), -np.inf, each), axis=1))

    def overflow_step(self, learning_rate: Array, within: int = 10**6) -> NDArray[np.intp]:
        """The first step at which the loss should exceed the largest float64, at each rate; -1 if not `within` that many steps.

        The logarithm of the loss becomes a straight line, so the step is found by bisection, without a run.
        """
        low, high = np.zeros(learning_rate.size, dtype=np.intp), np.full(learning_rate.size, within, dtype=np.intp)

        def overflowed(step: NDArray[np.intp]) -> NDArray[np.bool_]:
            # A power of two meets the largest number exactly, and must not miss it by the rounding of a logarithm.
            return np.asarray(self.log_excess(learning_rate, step[np.newaxis])[0] > np.log(LARGEST) - 1e-12)

        never = ~overflowed(high)
        for _ in range(within.bit_length()):
            middle = (low + high) // 2
            beyond = overflowed(middle)
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.where(never, -1, high)


@np.errstate(all="ignore")
def predicted_growth(loss: Loss, optimizer: Optimizer, learning_rate: Array, start: Array) -> Array:
    """The factor per step of the slowest-shrinking or fastest-growing mode at each rate ``(runs,)``, for a run from ``(dim,)``.

    Exact for a quadratic, in the long run; at the minimum for other losses; nan where there is no recurrence or no known minimum.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> predicted_growth(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), np.array([0.1, 1.1]), np.array([1.0]))
    array([0.8, 1.2])
    """
    quadratic, minimizer = getattr(loss, "is_quadratic", False), getattr(loss, "minimizer", None)
    center = np.zeros(loss.dim) if quadratic and minimizer is None else minimizer  # a saddle has its modes too
    if center is None or not optimizer.is_linear or getattr(loss, "edge_curvature", None) is not None:
        return np.full(learning_rate.size, np.nan)
    values, vectors = spectrum(loss, center)
    if quadratic and not np.any(optimizer.weight_decay):
        # Only modes that the start has a share in; rounding puts a trace of the others in, too small to see in a short run.
        share = np.abs(vectors.T @ (start - center))
        present = share > 1e-12 * share.max()
        values = values[present] if present.any() else values
    return np.asarray(optimizer.recurrence.growth(np.multiply.outer(values + optimizer.weight_decay, learning_rate)).max(axis=0))


def measured_growth(trajectory: Trajectory) -> Array:
    """The factor per step that a path really shows, ``(runs,)``: from the slope of log gradient norm over its later half.

    The gradient is proportional to the distance from a minimum, and unlike the loss it needs no minimum to be measured from. What
    has shrunk to rounding, or is no longer finite, is left out; nan where fewer than two steps are left.
    """
    norm = trajectory.gradient_norm
    with np.errstate(all="ignore"):
        logs = np.log(norm)
        usable = np.logical_and.accumulate(np.isfinite(logs) & (norm > 1e-11 * np.fmax.accumulate(norm, axis=0)), axis=0)
        count = usable.sum(axis=0)
        step = np.arange(len(norm))[:, np.newaxis]
        weight = usable & (step >= count // 2)
        n = weight.sum(axis=0)
        mean_step = (weight * step).sum(axis=0) / n
        centered = np.where(weight, step - mean_step, 0)
        slope = (centered * np.where(weight, logs, 0)).sum(axis=0) / (centered**2).sum(axis=0)
        return np.where(n >= 2, np.exp(slope), np.nan)

"""The one edge: the largest stable learning rate of a rule on a loss, from where, exact or local, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.losses.protocol import Facts, Loss
from explorer.core.optimizers import Optimizer
from explorer.core.theory.curvature import sharpness

Array = NDArray[np.float64]


@np.errstate(all="ignore")  # far out, where the curvature overflows, it is inf or nan
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
    closed_form = Facts(loss).edge_curvature
    return sharpness(loss, x) if closed_form is None else np.asarray(closed_form(x))


def _default_point(loss: Loss) -> Array:
    minimizer = Facts(loss).minimizer
    return loss.start if minimizer is None else minimizer


@dataclass(frozen=True)
class Edge:
    """Where theory puts the edge for a run from `start`, the curvature it follows from, and the reason in words.

    `rate` is infinite where nothing can diverge. `exact` says whether it decides this run, or is only a local statement.
    """

    rate: float
    curvature: float
    reason: str
    exact: bool

    @classmethod
    def of(cls, loss: Loss, optimizer: Optimizer, start: Array) -> Edge:
        """The edge for a run from ``(dim,)``.

        >>> from explorer import LOSSES, OPTIMIZERS
        >>> Edge.of(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), np.array([1.0])).reason
        '2/λ, with λ = 2 the largest curvature'
        """
        constant, decay = f"{optimizer.recurrence.edge:.4g}", _decay(optimizer)
        over = f"(λ + {decay:.4g})" if decay else "λ"
        minimizer = Facts(loss).minimizer
        where = start
        if optimizer.preconditioner is not None:
            reason, exact = f"{constant}/{over}, with λ = {{}} the curvature in the optimizer's own units at the start", False
        elif Facts(loss).edge_curvature is not None:
            reason, exact = (
                f"{constant}/{over.replace('λ', 'c')}, with c = {{}} the gradient over the distance at the start",
                optimizer.is_linear and optimizer.recurrence.is_plain,
            )
        elif minimizer is not None:
            where, exact = minimizer, Facts(loss).is_quadratic
            reason = f"{constant}/{over}, with λ = {{}} the largest curvature" + ("" if exact else " at the minimum")
        else:
            reason, exact = f"{constant}/{over}, with λ = {{}} the largest curvature at the start", False
        rate = float(np.ravel(critical_learning_rate(loss, optimizer, where))[0])
        curvature = float(edge_curvature(loss, optimizer, where[:, np.newaxis])[0])
        if np.isinf(optimizer.recurrence.edge):
            reason = "every step has the same length on any curvature, so no rate makes it grow"
            return cls(rate, curvature, reason + (" unless weight decay overshoots, at 2/decay" if np.isfinite(rate) else ""), False)
        if not (np.isfinite(curvature) and rate > 0):
            return cls(np.inf, curvature, "theory names no edge: the curvature at the start overflows", False)
        if not np.isfinite(rate):
            return cls(np.inf, curvature, "nothing curves upward here, so no rate makes a step grow without end", exact)
        return cls(rate, curvature, reason.format(f"{curvature:.6g}"), exact and not optimizer.clips)


def _decay(optimizer: Optimizer) -> float:
    """What weight decay adds to the curvature, as the rule sees it: see `Optimizer.largest_stable_rate`."""
    coupled = optimizer.weight_decay if optimizer.preconditioner is None else 0.0  # else it is in λ
    decoupled = optimizer.decoupled_decay * optimizer.recurrence.edge / 2 if np.any(optimizer.decoupled_decay) else 0.0
    return float(np.ravel(coupled + decoupled)[0])


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

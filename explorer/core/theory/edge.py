"""The one edge: the largest stable learning rate of a rule on a loss, from where, exact or local, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.checks import check_points, must
from explorer.core.ground.prose import plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import RUNS, Array, Facts, Loss, check_loss, seen
from explorer.core.optimizers import Optimizer, check_optimizer
from explorer.core.theory.curvature import Top, check_product, sharpness, top_eigenvalues


@door
@np.errstate(all="ignore")  # far out, where the curvature overflows, it is inf or nan
def critical_learning_rate(loss: Loss | str, optimizer: Optimizer | str, x: ArrayLike | None = None) -> float | Array:
    """The learning rate where theory puts the edge: the largest that is stable on the curvature at `x`.

    `x` is ``(dim,)`` or ``(dim, runs)``; by default the minimum, else the start. The curvature is the Hessian's largest eigenvalue,
    for a rule that preconditions that of P⁻¹(H + weight decay), with P as the rule has it after one look at the gradient at `x`. A loss
    with `edge_curvature` has a closed form of its own for the edge from `x`. Infinite where nothing curves upward, nan where the Hessian is
    not finite. The edge of a rule of your own that names no `recurrence` is measured on a parabola: see `Optimizer`.

    Raises ValueError for a loss without `hvp`, or with one that is no product with a symmetric matrix or not the same twice, an unknown
    name, points that are not of its dimension, and a rule of your own that has no such edge, with the reason.

    See also: `find_edge`, which measures it; `sharpness`, `safe_rate`.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> round(critical_learning_rate(LOSSES["quadratic"](eigenvalues=(1, 10)), OPTIMIZERS["momentum"](momentum=0.9)), 6)
    0.38
    >>> critical_learning_rate(LOSSES["x_fourth"](), OPTIMIZERS["gradient_descent"](), [2.0])    # |x| < 1/√(2η)
    0.125
    >>> round(critical_learning_rate("booth", "gradient_descent"), 6)    # by name, with their defaults
    0.111111
    """
    loss, optimizer = check_loss(loss, *RUNS), check_optimizer(optimizer)
    if optimizer.recurrence.unknown:
        raise ValueError(f"the optimizer {unmeasured(optimizer)}")
    columns, single = points_of(loss, x)
    if closed_curvature(loss, optimizer, columns) is None:
        check_product(loss, columns)
    rate = optimizer.largest_stable_rate(edge_curvature(loss, optimizer, columns))
    return np.asarray(rate) if not single or optimizer.runs > 1 else float(np.ravel(rate)[0])


def points_of(loss: Loss, x: ArrayLike | None) -> tuple[Array, bool]:
    """Return points of a loss ``(dim, runs)``, by default its minimum, else its start; and whether they are one, ``(dim,)``.

    Raises ValueError for what is not finite or of another dimension.
    """
    minimizer = Facts(loss).minimizer
    if x is not None:
        return check_points("x", x, loss.dim), np.ndim(x) == 1
    own = ("the loss's start", loss.start) if minimizer is None else ("the loss's minimizer", minimizer)
    return check_points(*own, loss.dim), True


@np.errstate(all="ignore")
def edge_curvature(loss: Loss, optimizer: Optimizer, x: Array, preconditioner: Array | None = None) -> Array:
    """The curvature that decides whether `optimizer` is stable from each point: ``(dim, runs) -> (runs,)``.

    As `Optimizer.largest_stable_rate` wants it: with coupled weight decay where the rule divides both by its preconditioner, else without.
    `preconditioner` ``(dim, runs)`` is that of a run on its way; by default what the rule has after one look at the gradient.
    """
    closed_form = closed_curvature(loss, optimizer, x)
    if closed_form is not None:
        return closed_form
    if optimizer.preconditioner is None:
        return sharpness(loss, x)
    x = np.broadcast_to(x, (len(x), max(x.shape[1], optimizer.runs)))
    P = first_look(loss, optimizer, x) if preconditioner is None else preconditioner
    return sharpness(loss, x, **as_seen(optimizer, P))


@np.errstate(all="ignore")
def closed_curvature(loss: Loss, optimizer: Optimizer, x: Array) -> Array | None:
    """The deciding curvature ``(runs,)`` from a closed form, for rules without memory; None where the Hessian decides."""
    closed_form = Facts(loss).edge_curvature
    if closed_form is None or optimizer.preconditioner is not None:
        return None
    found = np.asarray(closed_form(x))
    return found if optimizer.recurrence.is_plain or not found.any() else None  # what nothing can make diverge, memory cannot either


@np.errstate(all="ignore")
def first_look(loss: Loss, optimizer: Optimizer, x: Array) -> Array | None:
    """What divides each coordinate's step after one look at the gradient at `x` ``(dim, runs)``; None for a rule that divides nothing."""
    if optimizer.preconditioner is None:
        return None

    def looked(gradient: Array) -> Array:
        _, state = optimizer.direction(gradient, optimizer.begin(x, Facts(loss).layout), x)
        return optimizer.divided_by(state, x)

    divisor = looked(seen(loss, x)[1])
    if not divisor.any() and not looked(np.ones_like(x)).any():  # at a minimum it may be 0
        raise must("preconditioner", "a function whose numbers are > 0 where the gradient is not 0: by it steps are divided", "zeros alone")
    return divisor


def unmeasured(optimizer: Optimizer) -> str:
    """Why a rule of somebody's own has no edge, and the way out."""
    why = optimizer.recurrence.unknown
    return f"names no edge, and at rest on ½x², x of shape (1, 1), none could be measured: {why}; give it a recurrence, or use find_edge"


def as_seen(optimizer: Optimizer, preconditioner: Array | None) -> dict[str, Any]:
    """How a rule sees curvature, as `sharpness` and `top_eigenvalues` want to be told: divided, and its coupled decay with it."""
    return {} if preconditioner is None else {"preconditioner": preconditioner, "weight_decay": optimizer.weight_decay}


def glance(
    loss: Loss, optimizer: Optimizer, x: Array, preconditioner: Array | None, *, warm: Array | None = None, tolerance: float, most: int
) -> Top:
    """The deciding curvature at each point ``(dim, runs)`` from at most `most` products with the Hessian, for a loss where each is dear.

    As `edge_curvature` has it, to within the `residual`; `preconditioner` is None for a rule that divides nothing.
    """
    return top_eigenvalues(loss, x, warm=warm, tolerance=tolerance, most=most, **as_seen(optimizer, preconditioner))


@dataclass(frozen=True)
class Edge:
    """Where theory puts the edge for a run from `start`, the curvature it follows from, and the reason in words.

    `rate` is infinite where nothing can diverge. `exact` says whether it decides this run, or is only a local statement. `formula` is the
    rate in terms of a curvature λ, such as ``2/(λ + 0.1)``. For a rule that names no edge of its own it is measured, as `reason` says.
    """

    rate: float
    curvature: float
    reason: str
    exact: bool
    formula: str = ""

    def share(self, rate: float) -> str:
        """Return how many times the edge a rate is, in digits enough to tell on which side of it: ``1.003``.

        >>> Edge(0.2, 10.0, "", True).share(0.2006), Edge(0.2, 10.0, "", True).share(0.3), Edge(0.2, 10.0, "", True).share(1e308)
        ('1.003', '1.5', 'over 1 × 10³⁰⁸')
        """
        with np.errstate(over="ignore", divide="ignore"):
            times = np.divide(rate, self.rate)
        if np.isinf(times) and np.isfinite(rate):
            return f"over {plain(1e308)}"
        return plain(times, 3 if not abs(times - 1) < 0.005 else 4 if abs(times - 1) > 5e-4 else 6)

    @classmethod
    def of(cls, loss: Loss, optimizer: Optimizer, start: Array, *, curvature: float | None = None) -> Edge:
        """The edge for a run from ``(dim,)``; its `curvature` is computed unless it is known, of another rule that divides nothing.

        >>> from explorer import LOSSES, OPTIMIZERS
        >>> Edge.of(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), np.array([1.0])).reason
        '2/λ, with λ = 2 the largest curvature'
        """
        minimizer, where = Facts(loss).minimizer, start
        symbol, name, exact = "λ", "the largest curvature at the start", False
        if optimizer.preconditioner is not None:
            name = "the curvature in the optimizer's own units at the start"
        elif Facts(loss).edge_curvature is not None:
            exact = optimizer.is_linear and optimizer.recurrence.is_plain
            if closed_curvature(loss, optimizer, start[:, np.newaxis]) is not None:
                symbol, name = "c", "the gradient over the distance at the start"
        elif minimizer is not None:
            where, exact = minimizer, Facts(loss).is_quadratic
            name = "the largest curvature" + ("" if exact else " at the minimum")
        if curvature is None:
            curvature = float(edge_curvature(loss, optimizer, where[:, np.newaxis])[0])
        rate = float(np.ravel(optimizer.largest_stable_rate(curvature))[0])
        decay = -float(np.ravel(optimizer.largest_stable_curvature(np.inf))[0])  # as the rule sees it: what it adds to any curvature
        formula = f"{optimizer.recurrence.edge:.4g}/" + (f"({symbol} + {decay:.4g})" if decay else symbol)
        if optimizer.recurrence.unknown:
            return cls(rate, curvature, f"the rule {unmeasured(optimizer)}", False)
        if np.isinf(optimizer.recurrence.edge) and optimizer.measured:
            reason = "the rule names no edge, and at rest on a parabola none was measured; find_edge looks for one in runs"
            return cls(rate, curvature, reason, False)
        if np.isinf(optimizer.recurrence.edge):
            reason = "every step has the same length on any curvature, so no rate makes it grow"
            decays = f"2/decay, where weight decay overshoots; else {reason}" if np.isfinite(rate) else reason
            return cls(rate, curvature, decays, False)
        if not (np.isfinite(curvature) and rate > 0):
            return cls(np.inf, curvature, "theory names no edge: the curvature at the start overflows", False)
        if not np.isfinite(rate):
            return cls(np.inf, curvature, "nothing curves upward here, so no rate makes a step grow without end", exact)
        first = ", as it is at the first step" if optimizer.recurrence.moves else ""
        how = ", as measured at rest on a parabola" if optimizer.measured else first
        reason = f"{formula}{how}, with {symbol} = {plain(curvature, 6 if exact else 4)} {name}"
        return cls(rate, curvature, reason, exact and not optimizer.clips and not optimizer.measured, formula)


@np.errstate(all="ignore")
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

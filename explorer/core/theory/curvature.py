"""What theory says should happen: curvature, edges, growth per step and the step of overflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import ArrayLike, NDArray

from explorer.core.losses.protocol import Loss

Array = NDArray[np.float64]

DENSE = 200
"""Up to this many dimensions the Hessian is assembled, column by column; above, only products with it are taken."""


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

"""Curvature: the Hessian, its largest eigenvalues (the one Lanczos iteration), and what one step feels of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import scipy
from numpy.typing import ArrayLike

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.checks import must
from explorer.core.ground.prose import plain
from explorer.core.ground.size import BATCH
from explorer.core.losses.protocol import Array, Facts, Loss, first_hessian_times, hessian_times, seen
from explorer.core.losses.wrapped import difference
from explorer.core.optimizers import length

DENSE = 200
"""Up to this many dimensions the Hessian is assembled, column by column; above, only products with it are taken."""

MOST_PRODUCTS = 30
"""Products with the Hessian that one look at its largest eigenvalues may take."""

LEAST, FRESH = 6, 0.3
"""The fewest of them, and the share of another direction that a warm look begins with: the vector of an earlier look may be that of the
second eigenvalue by now, which is as steady as the first. With fewer, looks along runs of small networks were off by up to 69 %."""

EXACT, PATIENT = 1e-7, 400
"""The tolerance where an eigenvalue is to have the digits of a dense one, and the products that this may take."""

CLOSED = 100.0  # times ε and the largest number of the matrix so far: what is left of a vector below this is rounding
PROJECTED = 10**9
"""The most dimensions × products² of one run: to project all earlier vectors out again takes a few seconds then, and grows like that."""

ODD, OTHER = 1e-3, 0.01
"""The share by which two products that should be alike may differ before a third way is asked, and by which that may: beyond float32."""

AT_ONCE = 40_000
"""Numbers of the points whose exact sharpness is looked for at once: a hundred vectors like them are kept."""


def exact(loss: Loss, x: Array) -> float:
    """That tolerance where it is computed in the type of `x`: an eigenvalue errs by its square, so beyond √ε there is nothing to gain."""
    return max(EXACT, Facts(loss).rounding ** 0.5, float(np.finfo(x.dtype).eps) ** 0.5)


@np.errstate(all="ignore")
def check_product(loss: Loss, x: Array) -> None:
    """Refuse with a sentence an `hvp` of somebody's own that is no product with a Hessian, at the first of the points ``(dim, runs)``.

    It must be the same twice, and uᵀHv = vᵀHu, for two vectors drawn once. What is neither is refused only where two differences of
    gradients agree with each other and not with it: at saturation or beside a kink all of H may be rounding.

    >>> from explorer import from_function
    >>> turned = from_function(lambda x: (x @ x, 2 * x), [1.0, 1.0], hvp=lambda x, v: [-v[1], v[0]])
    >>> check_product(turned, np.ones((2, 1)))
    Traceback (most recent call last):
    ValueError: hvp must be the product with the Hessian, the same twice and with uᵀHv = vᵀHu, got −0.0978 and 0.0978
    """
    if Facts(loss).exact_product is not None:
        return
    at, eps = x[:, :1], max(Facts(loss).rounding, float(np.finfo(x.dtype).eps))
    u, v = np.random.default_rng(0).standard_normal((2, len(x), 1)).astype(x.dtype)
    once, other, again = first_hessian_times(loss, at, v), hessian_times(loss, at, u), hessian_times(loss, at, v)
    uHv, vHu = (float(np.vdot(*pair)) for pair in ((u, once), (v, other)))
    size = ODD * float((length(once) + length(other))[0])
    differs, asymmetric = float(length(once - again)[0]) > size, abs(uHv - vHu) > size
    if not (differs or asymmetric):
        return
    h = eps ** (1 / 3) * np.maximum(length(at), 1) / length(v)
    wide, narrow = (difference(loss, at, v, share * h) for share in (1.0, 0.25))
    off, unseen = length(once - narrow), eps * length(seen(loss, at)[1]) / h
    if (off > np.maximum(OTHER * length(narrow), unseen)) & (length(wide - narrow) < 0.1 * off):
        rule = "the product with the Hessian, the same twice and with uᵀHv = vᵀHu"
        raise must(
            "hvp", rule, f"one that differs by {plain(float(length(once - again)[0]), 2)}" if differs else f"{plain(uHv)} and {plain(vHu)}"
        )


def hessian(loss: Loss, x: ArrayLike) -> Array:
    """The Hessian at one point ``(dim,)``, as ``(dim, dim)``: the exact products with the unit vectors, all at once.

    >>> from explorer import LOSSES
    >>> hessian(LOSSES["matyas"](), [0.0, 0.0])
    array([[ 0.52, -0.48],
           [-0.48,  0.52]])
    """
    point = np.asarray(x, dtype=float)
    product = first_hessian_times(loss, np.repeat(point[:, np.newaxis], loss.dim, axis=1), np.eye(loss.dim))
    return np.asarray((product + product.T) / 2)


def spectrum(loss: Loss, x: ArrayLike) -> tuple[Array, Array]:
    """All eigenvalues ``(dim,)``, smallest first, and eigenvectors ``(dim, dim)``, one a column, of the Hessian at ``(dim,)``; or nan.

    Beyond `DENSE` dimensions only the smallest and the largest are found, ``(2,)`` and ``(dim, 2)`` (`lanczos`).
    """
    if loss.dim <= DENSE:
        H = hessian(loss, x)
        if not np.isfinite(H).all():
            return np.full(loss.dim, np.nan), np.full(H.shape, np.nan)
        values, vectors = scipy.linalg.eigh(H)
        return values, vectors
    point = np.asarray(x, dtype=float)[:, np.newaxis]
    ends = lanczos(product_at(loss, point), _any_direction(point), (0, -1), tolerance=exact(loss, point), most=PATIENT)
    return ends.values[:, 0], ends.vectors[:, :, 0].T


def sharpness(loss: Loss, x: Array, preconditioner: Array | None = None, weight_decay: ArrayLike = 0.0) -> Array:
    """The largest eigenvalue of the Hessian at each point: ``(dim, runs) -> (runs,)``; nan where the Hessian is not finite.

    With a diagonal `preconditioner` P ``(dim, runs)``, that of P⁻¹H; with a `weight_decay` w, a number or ``(runs,)``, H + w stands
    for H.
    """
    dim, runs = x.shape
    decay = np.broadcast_to(np.asarray(weight_decay, dtype=float), runs)
    known = Facts(loss).eigenvalues
    if dim > DENSE and known and preconditioner is None:
        return max(known) + decay
    if dim > DENSE:
        groups = np.array_split(np.arange(runs), min(-(-dim * runs // AT_ONCE), runs))
        divided_by = [None if preconditioner is None else preconditioner[:, some] for some in groups]
        each = (
            top_eigenvalues(loss, x[:, some], preconditioner=P, weight_decay=decay[some], tolerance=exact(loss, x), most=PATIENT).sharpness
            for some, P in zip(groups, divided_by, strict=True)
        )
        return np.concatenate([*each])
    return _dense(loss, x, preconditioner, decay)[:, -1]


def extremes(loss: Loss, x: Array) -> tuple[Array, Array]:
    """The smallest and the largest eigenvalue of the Hessian at each point, ``(runs,)`` each; nan where it is not finite.

    >>> from explorer import LOSSES
    >>> extremes(LOSSES["saddle"](), np.zeros((2, 1)))
    (array([-1.]), array([1.]))
    """
    if len(x) <= DENSE:
        values = _dense(loss, x, None, np.zeros(x.shape[1]))
        return values[:, 0], values[:, -1]
    groups = np.array_split(x, -(-x.size // AT_ONCE), axis=1)
    begins = [(product_at(loss, some), _any_direction(some)) for some in groups]
    ends = [lanczos(*each, (0, -1), tolerance=exact(loss, x), most=PATIENT).values for each in begins]
    smallest, largest = np.concatenate(ends, axis=1)
    return smallest, largest


def _dense(loss: Loss, x: Array, preconditioner: Array | None, decay: Array) -> Array:
    """All eigenvalues of P^-½ (H + decay) P^-½ at each point, ``(runs, dim)``, smallest first; nan where it is not finite."""
    dim, runs = x.shape
    with np.errstate(all="ignore"):
        scale = np.ones_like(x) if preconditioner is None else 1 / np.sqrt(preconditioner)
        units = np.tile(np.eye(dim), runs)
        product = first_hessian_times(loss, np.repeat(x, dim, axis=1), units).reshape(dim, runs, dim).transpose(1, 0, 2)
        product = product + decay[:, np.newaxis, np.newaxis] * np.eye(dim)
        matrices = product * scale.T[:, :, np.newaxis] * scale.T[:, np.newaxis, :]
    finite = np.isfinite(matrices).all(axis=(1, 2))
    values = np.full((runs, dim), np.nan)
    values[finite] = np.linalg.eigvalsh((matrices[finite] + matrices[finite].transpose(0, 2, 1)) / 2)
    return values


@dataclass(frozen=True, eq=False)
class Top:
    """Eigenvalues ``(count, runs)`` at some points, in the order they were asked for, with `vectors` ``(count, dim, runs)``.

    `residual` ``(runs,)`` is ‖Hv - λv‖ for the first of them, which is how far λ can be from an eigenvalue (Parlett 1998, section 4.5);
    `products` is what it took.
    """

    values: Array
    vectors: Array
    residual: Array
    products: int

    @property
    def sharpness(self) -> Array:
        """The first of all, ``(runs,)``."""
        return np.asarray(self.values[0])

    @property
    def vector(self) -> Array:
        """Where the next look should begin, ``(dim, runs)``: from it, a few products are enough for points a few steps later."""
        return np.asarray(self.vectors.sum(axis=0))


def top_eigenvalues(
    loss: Loss,
    x: Array,
    *,
    count: int = 1,
    warm: Array | None = None,
    preconditioner: Array | None = None,
    weight_decay: ArrayLike = 0.0,
    tolerance: float = 0.02,
    most: int = MOST_PRODUCTS,
) -> Top:
    """The largest eigenvalues at each point ``(dim, runs)``, largest first, from Hessian-vector products: cheap enough for every few steps.

    `warm` is the `vector` of an earlier look. With a diagonal `preconditioner` P ``(dim, runs)`` they are those of P⁻¹(H + `weight_decay`):
    what an adaptive rule sees (Cohen et al. 2022, arXiv 2207.14484). The error of an eigenvalue is about the square of `tolerance`; nan
    where the Hessian is not finite. The sharpness of Cohen et al. 2021, arXiv 2103.00065, is the first of them.

    >>> from explorer import LOSSES
    >>> bowl = LOSSES["quadratic"](eigenvalues=(1, 3, 10))
    >>> top_eigenvalues(bowl, bowl.start[:, np.newaxis], count=2).values.round(6)
    array([[10.],
           [ 3.]])
    """
    with np.errstate(all="ignore"):
        product = product_at(loss, x, preconditioner, weight_decay)
    begin = _any_direction(x)
    if warm is not None:
        begin = _unit(np.where(np.isfinite(warm), warm, 1.0).astype(x.dtype)) + FRESH * _unit(begin)
    return lanczos(product, begin, range(-1, -1 - min(count, len(x)), -1), tolerance=tolerance, most=most)


@one_blas_thread
@np.errstate(all="ignore")  # where a run has overflowed there is no curvature: nan is the answer
def lanczos(product: Callable[[Array], Array], begin: Array, which: Sequence[int], *, tolerance: float, most: int) -> Top:
    """Eigenvalues of a symmetric `product` ``(dim, runs) -> (dim, runs)``, a matrix a run, by Lanczos iteration from `begin`.

    `which` are their places among all, from the smallest: -1 is the largest. A run is done when every residual is below `tolerance` times
    its largest eigenvalue, after `LEAST` products or more, and all are after `most` (Lanczos 1950), in many dimensions after fewer
    (`PROJECTED`).

    >>> lanczos(lambda v: np.array([[1.0], [3.0]]) * v, np.ones((2, 1)), (0, -1), tolerance=1e-9, most=9).values.round(6)
    array([[1.],
           [3.]])
    """
    (dim, runs), count = begin.shape, len(which)
    most = min(max(min(most, BATCH // max(dim * runs, 1), math.isqrt(PROJECTED // dim)), count), dim)
    values, residual, weights = np.full((runs, count), np.nan), np.full((runs, count), np.nan), np.zeros((runs, count, most))
    going, due = np.ones(runs, dtype=bool), min(max(count, LEAST), most)
    for k, built in enumerate(krylov(product, begin, most), 1):
        diagonal, off, basis = built
        if k in (due, most):
            values[going], weights[going, :, :k] = ritz(diagonal[going], off[going, :-1], which)
            residual[going] = np.abs(off[:, [-1]] * weights[:, :, k - 1])[going]
            going &= (residual > tolerance * np.abs(values).max(axis=1, keepdims=True)).any(axis=1)  # nan is above nothing: it is done
            due = k + 1 + k // 32  # later an eigenproblem costs more than a product
            if not going.any():
                break
    return Top(values.T, (weights[:, :, :k] @ basis).transpose(1, 2, 0), residual[:, 0], k)


def krylov(product: Callable[[Array], Array], begin: Array, most: int) -> Iterator[tuple[Array, Array, Array]]:
    """Yield, after each of `most` products, the tridiagonal matrix of each run in the basis that Lanczos' iteration has built so far.

    That is its diagonal and what is beside it, ``(runs, k)`` both, the last of the second being the length of what is left; and the basis
    ``(runs, k, dim)``. All earlier vectors are projected out again, twice (Parlett 1998, chapter 13). Where only rounding is left the
    basis is closed under the product: it goes on from a random vector outside of it, which finds what `begin` has no part in, such as an
    eigenvalue's second vector.
    """
    dim, runs = begin.shape
    basis = np.empty((runs, most, dim), begin.dtype)  # what is not written takes no memory
    diagonal, off = np.zeros((2, runs, most))
    v = (begin / length(begin)).astype(begin.dtype)
    for k in range(most):
        basis[:, k] = v.T
        w = product(v)
        diagonal[:, k] = np.einsum("dr,dr->r", v, w)
        Q, rest = basis[:, : k + 1], w.T[:, np.newaxis]
        w = _outside(Q, rest)
        off[:, k] = length(w)
        reach = np.maximum(np.abs(diagonal[:, : k + 1]).max(axis=1), off[:, : k + 1].max(axis=1))
        closed = off[:, k] <= CLOSED * np.finfo(begin.dtype).eps * reach
        if closed.any():
            off[closed, k] = 0
            fresh = np.random.default_rng(k).standard_normal((int(closed.sum()), 1, dim)).astype(begin.dtype)
            w[:, closed] = _outside(Q[closed], fresh)
        size = length(w)
        v = np.where(size > 0, w / size, 0).astype(begin.dtype)
        yield diagonal[:, : k + 1], off[:, : k + 1], Q


def _outside(Q: Array, rest: Array) -> Array:
    """What is left of vectors ``(runs, 1, dim)`` beside a basis ``(runs, k, dim)``: ``(dim, runs)``."""
    for _ in range(2):
        rest = rest - rest @ Q.transpose(0, 2, 1) @ Q
    return rest[:, 0].T


def ritz(diagonal: Array, off: Array, which: Sequence[int]) -> tuple[Array, Array]:
    """These eigenvalues ``(runs, count)`` and vectors ``(runs, count, k)`` of tridiagonal matrices; nan if not finite."""
    runs, k = diagonal.shape
    T = np.zeros((runs, k, k))
    i = np.arange(k)
    T[:, i, i] = diagonal
    T[:, i[1:], i[:-1]] = T[:, i[:-1], i[1:]] = off
    values, weights = np.full((runs, len(which)), np.nan), np.full((runs, len(which), k), np.nan)
    finite = np.isfinite(T).all(axis=(1, 2))
    if finite.any():
        found, vectors = np.linalg.eigh(T[finite])
        values[finite], weights[finite] = found[:, list(which)], vectors[:, :, list(which)].transpose(0, 2, 1)
    return values, weights


def product_at(loss: Loss, x: Array, preconditioner: Array | None = None, weight_decay: ArrayLike = 0.0) -> Callable[[Array], Array]:
    """The function v -> P^-½ (H + weight_decay) P^-½ v, which has the eigenvalues of P⁻¹(H + weight_decay) and is symmetric."""
    at = Facts(loss).hessian_at
    ways = chain([first_hessian_times], repeat(hessian_times))
    times = at(x) if at is not None else lambda v: next(ways)(loss, x, v)
    if preconditioner is None and not np.any(weight_decay):
        return times
    root, decay = 1.0 if preconditioner is None else 1 / np.sqrt(preconditioner), np.asarray(weight_decay)
    return lambda v: root * (times(scaled := (root * v).astype(x.dtype)) + decay * scaled)


def _unit(v: Array) -> Array:
    """Columns of length 1."""
    return np.asarray(v / np.linalg.norm(v, axis=0))


def _any_direction(x: Array) -> Array:
    """Where Lanczos begins at each point: always the same, and along no symmetry that a loss may have."""
    return np.repeat(np.random.default_rng(0).standard_normal((len(x), 1)), x.shape[1], axis=1).astype(x.dtype)


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
    return second_orders(loss, x[:, np.newaxis], move[:, np.newaxis])[0]


def second_orders(loss: Loss, x: Array, moves: Array) -> list[SecondOrder]:
    """The terms of each of several steps, from `x` ``(dim, steps)`` by `moves` ``(dim, steps)``.

    >>> from explorer import LOSSES
    >>> [step.actual for step in second_orders(LOSSES["x_squared"](), np.array([[1.0, 2.0]]), np.array([[-1.0, -1.0]]))]
    [-1.0, -3.0]
    """
    with np.errstate(all="ignore"):
        value, gradient = seen(loss, x)
        slope, bend = (gradient * moves).sum(axis=0), 0.5 * (moves * loss.hvp(x, moves)).sum(axis=0)
        actual = loss.value(x + moves) - value
    return [SecondOrder(*map(float, terms)) for terms in zip(slope, bend, actual, strict=True)]

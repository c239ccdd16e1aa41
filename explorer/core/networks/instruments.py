"""What can be measured on a network while it trains: functions of a loss and points, each cheap enough for every few steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.optimizers import length

SATURATED = 0.05
"""A unit is saturated on an example where its slope is below this share of the activation's largest; dead if it is so on every example."""

MOST_PRODUCTS = 30
"""Products with the Hessian that one look at its largest eigenvalues may take."""


@dataclass(frozen=True, eq=False)
class Top:
    """The largest eigenvalues ``(count, runs)``, largest first, of the Hessian at some points.

    `vector` ``(dim, runs)`` is where the next look should begin: from it, a few products are enough for points a few steps later.
    `residual` ``(runs,)`` is ‖Hv - λv‖ for the first of them, which is how far λ can be from an eigenvalue; `products` is what it took.
    """

    values: Array
    vector: Array
    residual: Array
    products: int

    @property
    def sharpness(self) -> Array:
        """The largest of all, ``(runs,)``."""
        return np.asarray(self.values[0])


@np.errstate(all="ignore")  # where a run has overflowed there is no curvature: nan is the answer
def top_eigenvalues(
    loss: Loss,
    x: Array,
    *,
    count: int = 1,
    warm: Array | None = None,
    preconditioner: Array | None = None,
    tolerance: float = 0.02,
    most: int = MOST_PRODUCTS,
) -> Top:
    """The largest eigenvalues at each point ``(dim, runs)``, by Lanczos iteration on Hessian-vector products, all runs at once.

    `warm` is the `vector` of an earlier look. With a diagonal `preconditioner` P ``(dim, runs)`` they are those of P⁻¹H: what an adaptive
    rule sees (Cohen et al. 2022, arXiv 2207.14484). It goes on until every residual is below `tolerance` times the largest eigenvalue,
    whose own error is then about the square of that share, or until `most` products are spent; nan where the Hessian is not finite.
    Lanczos 1950; all earlier vectors are projected out again, twice (Parlett 1998, "The symmetric eigenvalue problem", chapter 13). The
    sharpness of Cohen et al. 2021, arXiv 2103.00065, is the first of them.

    >>> from explorer import LOSSES
    >>> bowl = LOSSES["quadratic"](eigenvalues=(1, 3, 10))
    >>> top_eigenvalues(bowl, bowl.start[:, np.newaxis], count=2).values.round(6)
    array([[10.],
           [ 3.]])
    """
    dim, runs = x.shape
    root = None if preconditioner is None else 1 / np.sqrt(preconditioner)
    times = _product(loss, x, root)
    count, most = min(count, dim), min(max(most, count), dim)
    v = np.random.default_rng(0).standard_normal((dim, 1)) + np.zeros((1, runs)) if warm is None else np.where(np.isfinite(warm), warm, 1.0)
    basis = np.empty((most, dim, runs), x.dtype)
    diagonal, off = np.zeros((most, runs)), np.zeros((most, runs))
    v = (v / length(v)).astype(x.dtype)
    k, values, weights, residual = 0, np.full((count, runs), np.nan), np.zeros((1, count, runs)), np.full(runs, np.nan)
    while k < most:
        basis[k] = v
        w = times(v)
        diagonal[k] = np.einsum("dr,dr->r", v, w)
        for _ in range(2):
            w = w - np.einsum("kdr,kr->dr", basis[: k + 1], np.einsum("kdr,dr->kr", basis[: k + 1], w))
        off[k] = length(w)
        k += 1
        if k >= count:
            values, weights = _ritz(diagonal[:k], off[: k - 1], count)
            residuals = np.abs(off[k - 1] * weights[-1])
            residual = residuals[0]
            if np.all((residuals <= tolerance * np.abs(values[0])) | ~np.isfinite(residuals)):
                break
        v = np.where(off[k - 1] > 0, w / off[k - 1], 0).astype(x.dtype)
    vector = np.einsum("kdr,kcr->dr", basis[:k], weights)
    return Top(values, vector, residual, k)


def _product(loss: Loss, x: Array, root: Array | None) -> Callable[[Array], Array]:
    """The function v -> P^-½ H P^-½ v, which has the eigenvalues of P⁻¹H and is symmetric."""
    at = Facts(loss).hessian_at
    times = at(x) if at is not None else lambda v: loss.hvp(x, v)
    return times if root is None else lambda v: root * times((root * v).astype(x.dtype))


def _ritz(diagonal: Array, off: Array, count: int) -> tuple[Array, Array]:
    """The `count` largest eigenvalues ``(count, runs)`` and vectors ``(k, count, runs)`` of tridiagonal matrices; nan if not finite."""
    k, runs = diagonal.shape
    T = np.zeros((runs, k, k))
    i = np.arange(k)
    T[:, i, i] = diagonal.T
    T[:, i[1:], i[:-1]] = T[:, i[:-1], i[1:]] = off.T
    values, weights = np.full((count, runs), np.nan), np.full((k, count, runs), np.nan)
    finite = np.isfinite(T).all(axis=(1, 2))
    if finite.any():
        found, vectors = np.linalg.eigh(T[finite])
        values[:, finite] = found[:, ::-1][:, :count].T
        weights[:, :, finite] = vectors[:, :, ::-1][:, :, :count].transpose(1, 2, 0)
    return values, weights


def block_norms(loss: Loss, gradient: Array) -> dict[str, Array]:
    """The Euclidean length of the gradient ``(dim, runs)`` in each block of parameters: name -> ``(runs,)``.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](hidden=(2,), initialization="zero")
    >>> _, gradient = net.value_and_gradient(net.start[:, np.newaxis])
    >>> {name: float(norm[0]) for name, norm in block_norms(net, gradient).items() if name.startswith("W")}
    {'W1': 0.0, 'W2': 0.0}
    """
    return {name: length(gradient[where]) for name, where in Facts(loss).groups}


def update_ratios(loss: Loss, before: Array, after: Array) -> dict[str, Array]:
    """How far a step moved each block, relative to its own length: name -> ``(runs,)``; about 1e-3 is healthy (a rule of thumb).

    Infinite where a block was 0 and moved, 0 where it did not move.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = {name: (length(after[where] - before[where]), length(before[where])) for name, where in Facts(loss).groups}
        return {name: np.where(step == 0, 0.0, step / size) for name, (step, size) in moved.items()}


@dataclass(frozen=True, eq=False)
class Activity:
    """What the units of one hidden layer do over the examples; every array is ``(runs,)``.

    `spread` is the root mean square of what they say, `saturated` the share of units × examples with hardly any slope (below `SATURATED` of
    the activation's largest), `dead` the share of units that have none on any example: no gradient reaches their weights any more.
    """

    spread: Array
    saturated: Array
    dead: Array


def activity(loss: Any, x: Array) -> list[Activity]:
    """The activity of each hidden layer of a network at the points ``(dim, runs)``, from the input to the output.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](hidden=(4, 4), activation="relu")
    >>> x = net.start.copy()
    >>> x[dict(net.blocks)["b2"]] = -100                       # far below anything that the layer before can say
    >>> [layer.dead[0].item() for layer in activity(net, x[:, np.newaxis])]
    [0.0, 1.0]
    """
    found = []
    with np.errstate(all="ignore"):
        for activation, signal in loss.signals(x):
            flat = ~(np.abs(activation.slope(signal)) > SATURATED * activation.steepest)
            said = activation.value(signal.copy()) if activation.of_input else signal
            spread = np.sqrt((said * said).mean(axis=(1, 2)))
            found.append(Activity(spread, flat.mean(axis=(1, 2)), flat.all(axis=2).mean(axis=1)))
    return found


@dataclass(frozen=True, eq=False)
class Score:
    """How well a network does; every array is ``(runs,)``, nan where it has no meaning (no validation, no classes).

    `best_constant` is what the best answer that ignores the input would reach: a loss that stays there has learned nothing.
    """

    loss: Array
    penalty: Array
    accuracy: Array
    validation_loss: Array
    validation_accuracy: Array
    best_constant: float


def score(loss: Any, x: Array) -> Score:
    """The data loss, the penalty and the accuracy of a network at the points ``(dim, runs)``, on its examples and those held out.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](initialization="zero", validation=50)
    >>> found = score(net, net.start[:, np.newaxis])
    >>> bool(found.loss[0] >= found.best_constant), found.validation_accuracy.shape
    (True, (1,))
    """
    nothing: NDArray[np.float64] = np.full(x.shape[1], np.nan)
    held_out = loss.validation
    with np.errstate(all="ignore"):
        return Score(
            loss.data_loss(x),
            loss.penalty(x),
            loss.accuracy(x),
            nothing if held_out is None else held_out.value(x),
            nothing if held_out is None else held_out.accuracy(x),
            loss.best_constant,
        )

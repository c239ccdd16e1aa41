r"""The largest safe learning rate for numbers of one's own: from the curvature at a point, and checked by short runs on both sides.

All it asks for is a function from a point ``(dim,)`` to the loss and its gradient ``(dim,)``, in numpy. A PyTorch model is wrapped so::

    from torch.nn.utils import parameters_to_vector as flat, vector_to_parameters

    def value_and_gradient(x):
        vector_to_parameters(torch.as_tensor(x, dtype=flat(model.parameters()).dtype), model.parameters())
        loss = loss_function(model(inputs), targets)
        return loss.item(), flat(torch.autograd.grad(loss, list(model.parameters()))).numpy()

    safe_rate(value_and_gradient, flat(model.parameters()).detach().numpy())

and a JAX model so::

    from jax.flatten_util import ravel_pytree

    start, unravel = ravel_pytree(parameters)
    compute = jax.jit(jax.value_and_grad(lambda x: loss_function(unravel(x), inputs, targets)))
    safe_rate(lambda x: [np.asarray(each) for each in compute(x)], np.asarray(start))

The model must be deterministic: no dropout, and the same data at every call. A PyTorch model is left where the last rate took it, so give a
copy of one that is to be trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.knobs import check_number, check_whole, must
from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Loss
from explorer.core.losses.wrapped import Function
from explorer.core.optimizers import OPTIMIZERS, Optimizer
from explorer.core.run.sweep import sweep
from explorer.core.verdict.verdict import Verdict

Array = NDArray[np.float64]

ACCURATE = 1e-3
"""Lanczos stops once its error bound is this share of the eigenvalue."""

MOST_PRODUCTS = 60
"""Most products with the Hessian, two gradients each."""

LADDER = (0.5, 0.8, 0.95, 1.05, 1.25, 2.0, 4.0)
"""The first rates of the check, as multiples of the edge."""

HALVINGS = 3
"""So often the interval between the last rate that held and the first that did not is cut in half."""

KICK = 1e-3
"""A run begins this far (as a share of the point's length) along the steepest direction, so that an instability has a seed."""


@dataclass(frozen=True, eq=False)
class SafeRate:
    """The curvature at a point, the rate that follows from it, and what short runs say.

    `sharpness` is the Hessian's largest eigenvalue, for a rule that preconditions that of P⁻¹H, known to within ± `error`; `rate` is the
    largest stable rate on it, and `rate_low`, `rate_high` what it is at the ends of the error bar. `held` is the largest tried rate below
    all that diverged within `steps` steps, and `broke` the smallest that did; nan where none held or none broke. `calls` counts the
    gradients that were computed.
    """

    sharpness: float
    error: float
    direction: Array
    rate: float
    rate_low: float
    rate_high: float
    held: float
    broke: float
    steps: int
    calls: int

    @property
    def agrees(self) -> bool:
        """Whether what was measured lies within a tenth of what the curvature says."""
        return bool(self.held <= 1.1 * self.rate_high and self.broke >= 0.9 * self.rate_low)

    @property
    def uncertainty(self) -> str:
        """The error bar of the rate in words."""
        if not (np.isfinite(self.rate) and self.rate > 0):
            return "no limit"
        share = 100 * max(self.rate_high - self.rate, self.rate - self.rate_low) / self.rate
        return "known to 0.1 %" if share <= 0.1 else f"± {plain(share, 2)} %"

    @property
    def sentence(self) -> str:
        """The finding in one sentence, with the numbers."""
        if not np.isfinite(self.rate):
            what = "nothing curves upward here, so the curvature sets no largest rate"
        else:
            what = f"the curvature {plain(self.sharpness)} allows rates up to {plain(self.rate)} ({self.uncertainty})"
        if np.isfinite(self.held) and np.isfinite(self.broke):
            seen = f"in {self.steps:,} steps {plain(self.held)} held and {plain(self.broke)} diverged"
        elif np.isfinite(self.held):
            seen = f"in {self.steps:,} steps nothing up to {plain(self.held)} diverged, though beyond the edge a run may jump about"
        elif np.isfinite(self.broke):
            seen = f"in {self.steps:,} steps even {plain(self.broke)} diverged"
        else:
            seen = "no run was made"
        if np.isfinite(self.rate) and np.isfinite(self.held) and not self.agrees:
            seen += "; the two differ, because the curvature changes on the way" + (
                ": trust the runs" if self.held < self.rate else ", which often becomes flatter: the curvature's rate is the safe one"
            )
        return f"{what}; {seen}"


def safe_rate(
    value_and_gradient: Function | Loss,
    start: ArrayLike | None = None,
    *,
    optimizer: Optimizer | None = None,
    steps: int = 100,
    check: bool = True,
) -> SafeRate:
    """The largest safe learning rate at a point, in theory and measured.

    `value_and_gradient` is a function from ``(dim,)`` to the loss and its gradient ``(dim,)``, or any `Loss`; `start` ``(dim,)`` is the
    point, for a `Loss` its own start by default. `optimizer` is gradient descent by default. The curvature comes from differences of
    gradients along the directions that Lanczos' method asks for, at most 2 · `MOST_PRODUCTS` of them; its error bar is the residual of
    the eigenpair, which bounds the distance to the nearest eigenvalue (Parlett 1980, "The Symmetric Eigenvalue Problem", section 4.5),
    and what half the stride changes. With `check`, about ten runs of `steps` steps bracket the real edge.

    Raises ValueError for a start that is not a list of finite numbers, and a function that is not finite there.

    >>> found = safe_rate(lambda x: (float(x @ (x * [1, 10])) / 2, x * [1, 10]), [1.0, 1.0], check=False)
    >>> round(found.sharpness, 6), round(found.rate, 6)
    (10.0, 0.2)
    """
    steps = check_whole("steps", steps, at_least=1)
    counted = _Counted(_pointwise(value_and_gradient))
    point = _point(value_and_gradient, start)
    rule = optimizer if optimizer is not None else OPTIMIZERS["gradient_descent"]()
    value, gradient = counted(point)
    if np.shape(gradient) != point.shape:
        raise must("value_and_gradient", f"a function to a number and an array {point.shape}", f"an array {np.shape(gradient)}")
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise must("value_and_gradient", "finite at the start", f"{value} with a gradient of length {np.linalg.norm(gradient)}")
    scale = _scale(rule, point, np.asarray(gradient, dtype=float))
    curvature, error, direction = _sharpness(counted, point, np.asarray(gradient), scale)
    rate, low, high = (_largest(rule, each) for each in (curvature, curvature + error, curvature - error))
    held = broke = float("nan")
    if check and point.size:
        size = max(float(np.linalg.norm(point)), 1.0)
        loss = value_and_gradient if isinstance(value_and_gradient, Loss) else _Runs(counted, point)
        held, broke = _bracket(loss, point + KICK * size * direction, rule, rate, steps)
    return SafeRate(curvature, error, direction, rate, low, high, held, broke, steps, counted.calls)


class _Counted:
    """A function of one point that counts its calls."""

    def __init__(self, function: Function) -> None:
        self.function, self.calls = function, 0

    def __call__(self, x: Array) -> tuple[float, Array]:
        self.calls += 1
        value, gradient = self.function(x)
        return float(value), np.asarray(gradient)


def _pointwise(given: Function | Loss) -> Function:
    if not isinstance(given, Loss):
        return given

    def of_one(x: Array) -> tuple[float, Array]:
        value, gradient = given.value_and_gradient(x[:, np.newaxis])
        return float(value[0]), gradient[:, 0]

    return of_one


def _point(given: Function | Loss, start: ArrayLike | None) -> Array:
    if start is None and not isinstance(given, Loss):
        raise must("start", "one or more numbers, (dim,), for a function", "none")
    point = np.array(
        check_number("start", given.start if start is None and isinstance(given, Loss) else start, shape="numbers"), dtype=float
    )
    if point.ndim != 1 or not point.size:
        raise must("start", "one or more numbers, (dim,)", f"shape {point.shape}")
    return point


def _scale(rule: Optimizer, x: Array, gradient: Array) -> Array:
    """P^-½ ``(dim,)`` of a rule that preconditions, as it is after one look at the gradient; else ones."""
    if rule.preconditioner is None:
        return np.ones_like(x)
    column = x[:, np.newaxis]
    _, state = rule.update(gradient[:, np.newaxis], rule.init(column), column)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.sqrt(np.broadcast_to(rule.preconditioner(state), column.shape)[:, 0]))


def _largest(rule: Optimizer, curvature: float) -> float:
    """The largest stable rate on a curvature; inf where it is not positive."""
    with np.errstate(divide="ignore"):
        return float(np.ravel(rule.largest_stable_rate(max(curvature, 0.0)))[0])


def _sharpness(function: _Counted, x: Array, gradient: Array, scale: Array) -> tuple[float, float, Array]:
    """The largest eigenvalue of P^-½HP^-½, its error, and the direction ``(dim,)`` in which it curves, of length 1.

    Lanczos' method with every new direction made orthogonal to all before it.
    """
    stride = _stride(x, gradient)

    def product(v: Array, h: float = stride) -> Array:
        w = scale * v
        length = float(np.linalg.norm(w))
        if not length:
            return np.zeros_like(v)
        step = h / length * w
        (_, ahead), (_, behind) = function(x + step), function(x - step)
        return np.asarray(scale * (np.asarray(ahead, dtype=float) - np.asarray(behind, dtype=float)) * (length / (2 * h)))

    values, top, residual = np.zeros(1), np.zeros_like(x), 0.0
    basis = [_unit(np.random.default_rng(0).standard_normal(x.size))]
    images: list[Array] = []
    for _ in range(min(MOST_PRODUCTS, x.size)):
        images.append(product(basis[-1]))
        if not np.isfinite(images[-1]).all():
            return np.nan, np.inf, basis[0]
        Q, HQ = np.column_stack(basis), np.column_stack(images)
        T = Q.T @ HQ
        values, vectors = np.linalg.eigh((T + T.T) / 2)
        top = Q @ vectors[:, -1]
        residual = float(np.linalg.norm(HQ @ vectors[:, -1] - values[-1] * top))
        rest = images[-1] - Q @ (Q.T @ images[-1])
        rest -= Q @ (Q.T @ rest)
        if residual <= ACCURATE * abs(values[-1]) or np.linalg.norm(rest) <= 1e-9 * float(np.linalg.norm(images[-1])) + 1e-300:
            break
        basis.append(_unit(rest))
    curvature = float(values[-1])
    finer = float(top @ product(top, stride / 2))
    direction = scale * top
    return curvature, residual + abs(finer - curvature), _unit(direction)


def _stride(x: Array, gradient: Array) -> float:
    """How far from `x` the gradients of a product are: there the errors of formula and rounding are alike, in the gradient's digits."""
    digits = np.finfo(gradient.dtype).eps if np.issubdtype(gradient.dtype, np.floating) else np.finfo(float).eps
    return float(digits ** (1 / 3) * max(float(np.linalg.norm(x)), 1.0))


def _unit(v: Array) -> Array:
    length = float(np.linalg.norm(v))
    return v / length if length else v


@dataclass(frozen=True, eq=False)
class _Runs:
    """The function as a loss that can be descended; there is no Hessian to ask for."""

    function: Callable[[Array], tuple[float, Array]]
    start: Array
    minimum = None

    @property
    def dim(self) -> int:
        return self.start.size

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        values, gradients = np.full(x.shape[1], np.nan), np.full_like(x, np.nan)
        for i, point in enumerate(x.T):
            if np.isfinite(point).all():  # what has overflowed costs no more calls
                values[i], gradients[:, i] = self.function(point.copy())
        return values, gradients

    def hvp(self, x: Array, v: Array) -> Array:
        return np.zeros_like(v)


def _bracket(loss: Loss, start: Array, rule: Optimizer, rate: float, steps: int) -> tuple[float, float]:
    """The largest rate that held below the smallest that broke, and that one; nan for what was not seen."""

    def breaks(rates: Array) -> NDArray[np.bool_]:
        return np.asarray(sweep(loss, rule, rates, start=start, steps=steps).verdict == Verdict.DIVERGED)

    rates = (rate if np.isfinite(rate) else 1.0) * np.array(LADDER)
    broken = breaks(rates)
    if broken[0]:
        rates = rates[0] * np.geomspace(1e-3, 1, 6)
        broken = breaks(rates)
    if not broken.any():
        return float(rates[-1]), float("nan")
    first = int(np.argmax(broken))
    if first == 0:
        return float("nan"), float(rates[0])
    held, broke = float(rates[first - 1]), float(rates[first])
    for _ in range(HALVINGS):
        middle = float(np.sqrt(held * broke))
        held, broke = (held, middle) if breaks(np.array([middle]))[0] else (middle, broke)
    return held, broke

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

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.knobs import check_points, check_whole, must
from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Loss
from explorer.core.losses.wrapped import Function, Pointwise, as_point, from_function
from explorer.core.optimizers import OPTIMIZERS, Optimizer, check_optimizer
from explorer.core.run.bracket import bracket, diverges
from explorer.core.theory.curvature import top_eigenvalues
from explorer.core.theory.edge import as_seen, closed_curvature, first_look

Array = NDArray[np.float64]

ACCURATE = 1e-3
"""Lanczos stops once its error bound is this share of the eigenvalue."""

MOST_PRODUCTS = 60
"""Most products with the Hessian, two gradients each."""

LADDER = (0.5, 0.8, 0.95, 1.05, 1.25, 2.0, 4.0)
"""The first rates of the check, as multiples of the edge."""

PRECISION = 0.025
"""The interval between the last rate that held and the first that did not is cut in half until it is this share of them."""

KICK = 1e-3
"""A run begins this far (as a share of the point's length) along the steepest direction, so that an instability has a seed."""


@dataclass(frozen=True, eq=False)
class SafeRate:
    """The curvature at a point, the rate that follows from it, and what short runs say.

    `sharpness` is the Hessian's largest eigenvalue, for a rule that preconditions that of P⁻¹H, known to within ± `error`; `rate` is the
    largest stable rate on it, and `rate_low`, `rate_high` what it is at the ends of the error bar. `held` is the largest tried rate below
    all that diverged within `steps` steps, and `broke` the smallest that did; nan where none held or none broke.
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
    if start is None and not isinstance(value_and_gradient, Loss):
        raise must("start", "one or more numbers, (dim,), for a function", "none")
    point = as_point(value_and_gradient.start if start is None else start)  # type: ignore[union-attr]
    loss = value_and_gradient if isinstance(value_and_gradient, Loss) else from_function(value_and_gradient, point)
    rule, x = optimizer if optimizer is not None else OPTIMIZERS["gradient_descent"](), check_points("start", point, loss.dim)
    check_optimizer(rule)
    value, gradient = loss.value_and_gradient(x)
    if not (np.isfinite(value).all() and np.isfinite(gradient).all()):
        raise must("value_and_gradient", "finite at the start", f"{value[0]} with a gradient of length {np.linalg.norm(gradient)}")
    P = first_look(loss, rule, x)
    seen = as_seen(rule, P)
    top = top_eigenvalues(loss, x, tolerance=ACCURATE, most=MOST_PRODUCTS, **seen)
    closed_form = closed_curvature(loss, rule, x)
    if closed_form is not None:
        curvature, error = float(closed_form[0]), 0.0
    else:
        curvature, error = float(top.sharpness[0]), float(top.residual[0])
        if isinstance(loss, Pointwise):
            halved = replace(loss, own_stride=loss.stride / 2)
            error += abs(float(top_eigenvalues(halved, x, warm=top.vector, most=1, **seen).sharpness[0]) - curvature)
    direction = top.vector[:, 0] if P is None else (top.vector / np.sqrt(P))[:, 0]
    direction = np.nan_to_num(direction / np.linalg.norm(direction))
    rate, low, high = (float(np.ravel(rule.largest_stable_rate(each))[0]) for each in (curvature, curvature + error, curvature - error))
    held = broke = float("nan")
    if check:
        kicked = point + KICK * max(float(np.linalg.norm(point)), 1.0) * direction
        held, broke = _tried(loss, rule, kicked, rate if np.isfinite(rate) else 1.0, steps)
    return SafeRate(curvature, error, direction, rate, low, high, held, broke, steps)


def _tried(loss: Loss, rule: Optimizer, start: Array, rate: float, steps: int) -> tuple[float, float]:
    """The largest rate that held below the smallest that broke, and that one; nan for what was not seen."""
    rates = rate * np.array(LADDER)
    broken = diverges(loss, rule, rates, start=start, steps=steps)
    if broken[0]:
        rates = np.geomspace(1e-3 * rates[0], rates[0], 6)
        broken = np.append(diverges(loss, rule, rates[:-1], start=start, steps=steps), True)
    return bracket(loss, rule, rates, broken, precision=PRECISION, at_once=3, start=start, steps=steps)

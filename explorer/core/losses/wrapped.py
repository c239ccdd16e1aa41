"""A plain Python function of one point as a loss, for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.knobs import check_number, must, typed
from explorer.core.losses.protocol import Array
from explorer.core.optimizers import length

Function = Callable[[Array], tuple[float, ArrayLike]]


@dataclass(frozen=True, eq=False)
class Pointwise:
    """A loss made of a function that knows one point ``(dim,)`` only; `from_function` makes one."""

    value_and_gradient_at: Function
    start: Array
    minimum: float | None = None
    coordinates: tuple[str, ...] = ()
    own_stride: float | None = None

    @cached_property
    def stride(self) -> float:
        """Of the central difference, relative to the point, ε^⅓ of the gradient's digits: there its errors, h² and ε/h, are alike."""
        digits = np.asarray(self.value_and_gradient_at(self.start.copy())[1]).dtype
        return self.own_stride or float(np.finfo(digits if digits.kind == "f" else float).eps) ** (1 / 3)

    @property
    def dim(self) -> int:
        return len(self.start)

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        values, gradient = np.empty(x.shape[1], dtype=x.dtype), np.empty_like(x)
        for i, point in enumerate(x.T):
            if not np.isfinite(point).all():  # what has overflowed costs no more calls
                values[i], gradient[:, i] = np.nan, np.nan
                continue
            value, slope = self.value_and_gradient_at(point.copy())
            if np.ndim(value) or np.shape(slope) != point.shape:
                raise must(
                    "value_and_gradient",
                    f"a function from ({self.dim},) to a number and an array ({self.dim},)",
                    f"shapes {np.shape(value)} and {np.shape(slope)}",
                )
            values[i], gradient[:, i] = value, slope
        return values, gradient

    def hvp(self, x: Array, v: Array) -> Array:
        """Return the Hessian at `x` times `v`, by a central difference of gradients along `v`.

        Exact to about 1e-10 of the product where the loss is smooth on its own scale, and exact but for rounding on a quadratic;
        a kink closer than the stride, 6e-6 of the length of `x`, is seen as a very large curvature.
        """
        h = self.stride * np.maximum(length(x), 1) / np.where(v.any(axis=0), length(v), 1)
        return (self.value_and_gradient(x + h * v)[1] - self.value_and_gradient(x - h * v)[1]) / (2 * h)


def as_point(start: ArrayLike) -> Array:
    """A start as ``(dim,)``; refused with a sentence unless it is a list of finite numbers."""
    point = np.array(check_number("start", start, shape="numbers"), dtype=float)
    if point.ndim != 1 or not point.size:
        raise must("start", "one or more numbers, (dim,)", f"shape {point.shape}")
    return point


def from_function(
    value_and_gradient: Function,
    start: ArrayLike,
    *,
    minimum: float | None = None,
    coordinates: Sequence[str] | None = None,
) -> Pointwise:
    """Return a loss from a function of one point: ``(dim,)`` to its value and its gradient ``(dim,)``. It works wherever a loss does.

    Many runs are a loop in Python over the runs, so it costs a call of the function for each run at each step; write a class with the
    members of `Loss` to compute all runs at once. The product with the Hessian is a central difference of gradients.

    Raises ValueError for a start that is not a list of finite numbers, a different number of coordinates, and, once it is called,
    for a function whose value is no number or whose gradient has another shape than its point.

    >>> bowl = from_function(lambda x: (x @ x, 2 * x), start=[3.0, 4.0], minimum=0.0)
    >>> bowl.value_and_gradient(np.array([[3.0, 0.0], [4.0, 1.0]]))
    (array([25.,  1.]), array([[6., 0.],
           [8., 2.]]))
    """
    if not callable(value_and_gradient):
        raise must("value_and_gradient", "a function from a point (dim,) to its value and gradient, or a Loss", typed(value_and_gradient))
    point = as_point(start)
    names = tuple(coordinates) if coordinates is not None else tuple(f"x{i}" for i in range(1, point.size + 1))
    if len(names) != point.size:
        raise must("coordinates", f"{point.size} names, one a number of the start", f"{len(names)}")
    return Pointwise(value_and_gradient, point, minimum, names)

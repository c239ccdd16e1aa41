"""A plain Python function of one point as a loss, for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.knobs import check_number, must
from explorer.core.losses.protocol import Array

Function = Callable[[Array], tuple[float, ArrayLike]]

STRIDE = float(np.finfo(float).eps) ** (1 / 3)
"""Of the central difference, relative to the point: there its two errors, h² of the formula and ε/h of rounding, are alike."""


@dataclass(frozen=True, eq=False)
class Pointwise:
    """A loss made of a function that knows one point ``(dim,)`` only; `from_function` makes one."""

    value_and_gradient_at: Function
    start: Array
    minimum: float | None = None
    coordinates: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        return len(self.start)

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        values, gradient = np.empty(x.shape[1], dtype=x.dtype), np.empty_like(x)
        for i, point in enumerate(x.T):
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
        a kink closer than the stride, 6e-6 of the size of `x`, is seen as a very large curvature.
        """
        length = np.sqrt((v * v).sum(axis=0))
        h = STRIDE * np.maximum(np.abs(x).max(axis=0), 1) / np.where(length > 0, length, 1)
        return (self.value_and_gradient(x + h * v)[1] - self.value_and_gradient(x - h * v)[1]) / (2 * h)


def from_function(
    value_and_gradient: Function,
    start: Sequence[float] | Array,
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
    point = np.array(check_number("start", start, shape="numbers"), dtype=float)
    if point.ndim != 1 or not point.size:
        raise must("start", "one or more numbers, (dim,)", f"shape {point.shape}")
    names = tuple(coordinates) if coordinates is not None else tuple(f"x{i}" for i in range(1, point.size + 1))
    if len(names) != point.size:
        raise must("coordinates", f"{point.size} names, one a number of the start", f"{len(names)}")
    return Pointwise(value_and_gradient, point, minimum, names)

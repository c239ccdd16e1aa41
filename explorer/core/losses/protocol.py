"""What a loss is: a function and its derivatives as one value, for many points at once."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.knobs import Shelf

Array = NDArray[np.float64]


@runtime_checkable
class Loss(Protocol):
    """A scalar function of `dim` numbers with its exact derivatives. Any class with these members will do.

    The last axis is always runs: `x` is ``(dim, runs)``, so ``a, b = x`` unpacks a surface's coordinates and one point is a
    batch of one. Overflow is a result: values may come back inf or nan, and nothing is raised or clipped. Results have the
    floating type of `x`; what is written below as an array is float64.

    Every loss on the shelf may tell more. These members are optional; ask with ``getattr(loss, "minimizer", None)``:

    - ``minimizer``: a point ``(dim,)`` where `minimum` is reached, the one nearest `start` if there are several, or None.
    - ``coordinates``: the names of the `dim` numbers, such as ``("bmi", "bp", "intercept")``.
    - ``formula``: the loss in LaTeX.
    - ``is_quadratic``: True where the Hessian is the same everywhere, so that the theory of a quadratic is exact.
    - ``edge_curvature(x)``: ``(dim, runs) -> (runs,)``, only where the edge has a closed form other than the Hessian's top
      eigenvalue: gradient descent from `x` stays bounded for learning rates below 2 / edge_curvature(x).
    - ``divergence_rate(x)``: ``(dim, runs) -> (runs,)``, only where gradient descent from `x` still stays bounded beyond the edge: up to
      this rate.
    - ``blocks``: the groups of parameters in order, by name, such as ``(("W1", slice(0, 32)), ("b1", slice(32, 48)))``.
    - ``hessian_at(x)``: the function v -> Hv at these points, where that saves computing the same again for every v.
    - ``order``: how it wants points laid out in memory, ``"C"`` or ``"F"``, where that makes it faster.
    """

    @property
    def dim(self) -> int:
        """How many numbers a point has."""
        ...

    @property
    def start(self) -> Array:
        """Where a run begins unless told otherwise: ``(dim,)``."""
        ...

    @property
    def minimum(self) -> float | None:
        """The smallest value; None where it is not known, -inf where there is none."""
        ...

    def value(self, x: Array) -> Array:
        """The loss at each point: ``(dim, runs) -> (runs,)``."""
        ...

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """The loss and its gradient: ``(dim, runs) -> (runs,), (dim, runs)``."""
        ...

    def hvp(self, x: Array, v: Array) -> Array:
        """The exact Hessian at `x` times `v`: ``(dim, runs), (dim, runs) -> (dim, runs)``."""
        ...


@runtime_checkable
class DataLoss(Loss, Protocol):
    """A loss that is a mean or a sum over examples; `on` is the same loss on some of them (a mini-batch)."""

    @property
    def examples(self) -> int:
        """How many examples there are."""
        ...

    def on(self, rows: NDArray[np.intp]) -> Loss:
        """The loss on these rows only, with the same reduction."""
        ...


LOSSES: Shelf[Loss] = Shelf("loss")

"""Quadratics in their eigenbasis, where the theory of step sizes is exact."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.written import Written

Eigenvalues = Annotated[
    tuple[float, ...],
    Knob(-10, 100, label="curvatures (eigenvalues)", help="One a direction. The largest sets the edge; a negative one has no bottom."),
]
Rotation = Annotated[
    float, Knob(0, 90, label="rotation (degrees)", help="Turns the valley against the axes: Adam notices, gradient descent does not.")
]
ConditionNumber = Annotated[float, Knob(1, 1e6, log=True, at_least=1, label="condition number", help="Steepest curvature over flattest.")]
Dimension = Annotated[int, Knob(2, 100, log=True, at_least=2, at_most=100_000, label="dimensions")]


@of_one_or_many
@dataclass(frozen=True)
class Quadratic:
    """½ Σ λᵢ yᵢ², where y is x in the eigenbasis: x itself, or x with its first and last coordinate turned by `rotation` degrees.

    >>> bowl = Quadratic((1.0, 10.0))
    >>> bowl.value_and_gradient(bowl.start[:, None])
    (array([5.5]), array([[ 1.],
           [10.]]))
    """

    eigenvalues: tuple[float, ...]
    rotation: float = 0.0
    is_quadratic = True
    formula = r"\tfrac12 \sum_i \lambda_i x_i^2"

    @property
    def dim(self) -> int:
        return len(self.eigenvalues)

    @cached_property
    def start(self) -> Array:
        # One along every eigenvector: no direction is left out, and turning the valley turns the start with it.
        return _turn(np.ones((self.dim, 1)), -self.rotation)[:, 0]

    @property
    def minimum(self) -> float:
        return 0.0 if min(self.eigenvalues) >= 0 else -math.inf

    @cached_property
    def minimizer(self) -> Array | None:
        if self.minimum < 0:
            return None
        nearest = np.where(self._lam == 0, 1.0, 0.0)  # a flat direction keeps the start's coordinate
        return _turn(nearest, -self.rotation)[:, 0]

    @property
    def coordinates(self) -> tuple[str, ...]:
        return ("x", "y")[: self.dim] if self.dim <= 2 else tuple(f"x{i}" for i in range(1, self.dim + 1))

    @cached_property
    def _lam(self) -> Array:
        return np.array(self.eigenvalues)[:, None]

    @cached_property
    def _half_lam(self) -> Array:
        return 0.5 * np.array(self.eigenvalues)

    @property
    def written(self) -> Written:
        numbers = {"eigenvalues": np.array(self.eigenvalues)}
        if self.rotation == 0 or self.dim == 1:
            return Written("return (0.5 * eigenvalues * x) @ x", "return eigenvalues * x", numbers)
        y = "y = turn @ x  # along the eigenvectors\n"
        numbers["turn"] = _turn(np.eye(self.dim), self.rotation)
        return Written(f"{y}return (0.5 * eigenvalues * y) @ y", f"{y}return turn.T @ (eigenvalues * y)", numbers)

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        y = _turn(x, self.rotation)
        g = self._lam.astype(x.dtype, copy=False) * y
        value = self._half_lam.astype(x.dtype, copy=False).dot(y * y)  # of few numbers, dot is quicker than @, and than a sum
        if not math.isfinite(value.dot(value)):
            # Squares may overflow before the loss does. Here no intermediate is larger than the loss; it takes twice as long.
            lost = ~np.isfinite(value)
            value[lost] = np.einsum("dr,dr->r", 0.5 * g[:, lost], y[:, lost])
        return value, _turn(g, -self.rotation)

    def hvp(self, x: Array, v: Array) -> Array:
        return _turn(self._lam.astype(v.dtype, copy=False) * _turn(v, self.rotation), -self.rotation)


def _turn(x: Array, degrees: float) -> Array:
    """`x` with its first and last coordinate turned, a Givens rotation; itself if there is no rotation."""
    if degrees == 0 or len(x) == 1:
        return x
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    y = x.copy()
    y[0], y[-1] = c * x[0] + s * x[-1], c * x[-1] - s * x[0]
    return y


@LOSSES
def quadratic(eigenvalues: Eigenvalues = (1.0, 10.0), rotation: Rotation = 0.0) -> Quadratic:
    """A bowl with a curvature of your choice in every direction; a zero makes it flat there, a negative number a saddle.

    ½ Σ λᵢ xᵢ² in its eigenbasis, from 1 along every eigenvector. Gradient descent multiplies each by 1 - ηλᵢ, so it converges exactly for η
    < 2 / max λ (Goh 2017, "Why momentum really works", doi 10.23915/distill.00006). With one direction there is nothing to turn.

    >>> quadratic(eigenvalues=(1, 0, -2)).minimum
    -inf
    """
    return Quadratic(eigenvalues, rotation)


@LOSSES
def ravine(condition_number: ConditionNumber = 100.0, dimension: Dimension = 2, rotation: Rotation = 0.0) -> Quadratic:
    """A narrow valley: the steep walls set the largest learning rate, the flat floor how long it then takes.

    ½ Σ λᵢ xᵢ² with λ spaced by factors from 1/κ to 1, so the edge is always 2 and the best rate 2/(1 + 1/κ) shrinks the error
    by (κ - 1)/(κ + 1) a step (Goh 2017, as for `quadratic`).

    >>> ravine(condition_number=100, dimension=3).eigenvalues
    (0.01, 0.1, 1.0)
    """
    return Quadratic(tuple(np.geomspace(1 / condition_number, 1.0, dimension).tolist()), rotation)

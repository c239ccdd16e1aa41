"""The smallest network that catapults: two layers of linear units on one example."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np

from explorer.core.data import Seed
from explorer.core.ground.knobs import Knob
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.written import Written

Width = Annotated[int, Knob(1, 100, log=True, at_least=1, at_most=100_000, label="width n", help="Hidden units: two weights each.")]
Scale = Annotated[float, Knob(0.1, 3, above=0, label="initial scale", help="Standard deviation of the weights at the start.")]


@of_one_or_many
@dataclass(frozen=True)
class TwoLayers:
    """½f² with f = u·v/√n; a point is u above v, ``(2n, runs)``.

    >>> TwoLayers(2).value_and_gradient(np.array([[1.0], [1.0], [1.0], [1.0]]))[0].round(12)
    array([1.])
    """

    width: int
    scale: float = 1.0
    seed: int = 0
    formula = r"\tfrac12 f^2, \quad f = u^\top v / \sqrt{n}"
    minimum = 0.0

    @property
    def dim(self) -> int:
        return 2 * self.width

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(f"{layer}{i}" for layer in "uv" for i in range(1, self.width + 1))

    @cached_property
    @np.errstate(over="ignore")  # of a scale beyond all measure
    def start(self) -> Array:
        return self.scale * np.random.default_rng(self.seed).standard_normal(self.dim)

    @cached_property
    def minimizer(self) -> Array:
        """The nearest point with f = 0: there u + v and u - v are equally long, so both get the mean of their lengths."""
        u, v = self.start[: self.width], self.start[self.width :]
        p, q = u + v, u - v
        long, short = float(np.linalg.norm(p)), float(np.linalg.norm(q))
        p, q = p * (long + short) / (2 * long), q * (long + short) / (2 * short)
        return np.concatenate([p + q, p - q]) / 2

    def output(self, x: Array) -> Array:
        """Return the network's output f at each point: ``(2n, runs) -> (runs,)``."""
        return np.einsum("dr,dr->r", x[: self.width] / math.sqrt(self.width), x[self.width :])

    @property
    def written(self) -> Written:
        n = self.width
        parts = f"u, v = x[:{n}], x[{n}:]\nf = (u / {n} ** 0.5) @ v\n"
        return Written(parts + "return 0.5 * f * f", parts + f"return f / {n} ** 0.5 * np.concatenate([v, u])")

    def value(self, x: Array) -> Array:
        f = self.output(x)
        return 0.5 * f * f

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        f = self.output(x)
        return 0.5 * f * f, f / math.sqrt(self.width) * self._swapped(x)

    def hvp(self, x: Array, v: Array) -> Array:
        across = self._swapped(x) / math.sqrt(self.width)  # ∇f
        return np.einsum("dr,dr->r", across, v) * across + self.output(x) / math.sqrt(self.width) * self._swapped(v)

    def _swapped(self, x: Array) -> Array:
        return np.concatenate([x[self.width :], x[: self.width]])


@LOSSES.named("u · v")
def uv(width: Width = 16, scale: Scale = 1.0, seed: Seed = 0) -> TwoLayers:
    """Two linear layers on one example: too large a rate catapults it from the steep valley into a flatter one, where it converges.

    ½f² with f = u·v/√n. With λ = (‖u‖² + ‖v‖²)/n, gradient descent gives f ← f(1 - ηλ + η²f²/n) and λ ← λ + (ηf²/n)(ηλ - 4): smooth below
    2/λ; a catapult up to 4/λ, as λ falls at every step and √n λ ≥ 2|f|; divergence above (Lewkowycz et al. 2020, arXiv 2003.02218).

    >>> loss = uv(width=4)
    >>> loss.dim, loss.coordinates[:5]
    (8, ('u1', 'u2', 'u3', 'u4', 'v1'))
    """
    return TwoLayers(width, scale, seed)

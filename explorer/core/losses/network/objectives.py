"""What a network is trained for: from its outputs and the targets to a number, with its first two derivatives by the outputs.

Outputs are ``(runs, outputs, examples)``, targets ``(outputs, examples)``. `scale` is the number before the sum over examples.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from explorer.core.ground.elementary import sigmoid
from explorer.core.losses.protocol import Array


class Objective(Protocol):
    """A loss of outputs. `value_and_slope` may overwrite the outputs."""

    @property
    def code(self) -> tuple[str, str, str] | None:
        """The sum over examples in numpy, its gradient, the sum in PyTorch, of ``(examples, outputs)``: for a program to take away."""

    def value_and_slope(self, z: Array, y: Array, scale: float) -> tuple[Array, Array]:
        """Return the loss ``(runs,)`` and its gradient by the outputs."""

    def bend(self, z: Array, y: Array, scale: float, zt: Array) -> Array:
        """Return how the gradient changes when the outputs change by `zt`."""

    def right(self, z: Array, y: Array) -> Array:
        """Return the share of examples that are classified right, ``(runs,)``; nan where there are no classes."""

    def best_constant(self, y: Array, scale: float) -> float:
        """Return the loss of the best outputs that are the same for every example."""


@dataclass(frozen=True)
class SquaredError:
    """Σ (z - y)², or half of it."""

    half: bool = True

    @property
    def code(self) -> tuple[str, str, str]:
        value = f"{'0.5 * ' * self.half}((z - y) ** 2).sum()"
        return value, f"{'' if self.half else '2 * '}(z - y)", value

    def value_and_slope(self, z: Array, y: Array, scale: float) -> tuple[Array, Array]:
        z -= y
        front = (0.5 if self.half else 1.0) * scale
        value = front * np.einsum("ron,ron->r", z, z)
        z *= 2 * front
        return value, z

    def bend(self, z: Array, y: Array, scale: float, zt: Array) -> Array:
        return (1.0 if self.half else 2.0) * scale * zt

    def right(self, z: Array, y: Array) -> Array:
        return np.full(len(z), np.nan)

    def best_constant(self, y: Array, scale: float) -> float:
        return float((0.5 if self.half else 1.0) * scale * ((y - y.mean(axis=1, keepdims=True)) ** 2).sum())


@dataclass(frozen=True)
class TwoClasses:
    """Σ -y log a - (1 - y) log(1 - a) with a = σ(z) and y of 0 and 1.

    Computed as max(z, 0) - zy + log(1 + exp(-|z|)), which no z overflows. `naive` computes it as it is written: once a rounds to 0 or 1
    the logarithm is infinite and 0 times it is nan, while the gradient a - y is as good as ever.
    """

    naive: bool = False

    @property
    def code(self) -> tuple[str, str, str] | None:
        value = "(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).sum()"
        theirs = "torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction='sum')"
        return None if self.naive else (value, "(1 / (1 + np.exp(-z)) - y)", theirs)

    def value_and_slope(self, z: Array, y: Array, scale: float) -> tuple[Array, Array]:
        a = sigmoid(z)
        if self.naive:
            with np.errstate(divide="ignore", invalid="ignore"):  # this form is there to show the logarithm of 0
                each = -(y * np.log(a) + (1 - y) * np.log(1 - a))
        else:
            each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        a -= y
        a *= scale
        return scale * each.sum(axis=(1, 2)), a

    def bend(self, z: Array, y: Array, scale: float, zt: Array) -> Array:
        a = sigmoid(z)
        return scale * a * (1 - a) * zt

    def right(self, z: Array, y: Array) -> Array:
        return np.asarray(((z > 0) == (y > 0.5)).mean(axis=(1, 2)))

    def best_constant(self, y: Array, scale: float) -> float:
        return _entropy(np.append(y.sum(), (1 - y).sum()), scale)


@dataclass(frozen=True)
class ManyClasses:
    """Σ -log p of the right class, p = softmax(z); y is 1 for the right class and 0 for the others.

    Computed as log Σ exp(z - max z) - (z_right - max z). `naive` takes the logarithm of every p that has been rounded, as in `TwoClasses`.
    """

    naive: bool = False

    @property
    def code(self) -> tuple[str, str, str] | None:
        s = "(z - z.max(axis=1, keepdims=True))"
        value = f"(np.log(np.exp({s}).sum(axis=1)) - ({s} * y).sum(axis=1)).sum()"
        slope = f"(np.exp({s}) / np.exp({s}).sum(axis=1, keepdims=True) - y)"
        return None if self.naive else (value, slope, "torch.nn.functional.cross_entropy(z, y, reduction='sum')")

    def _softmax(self, z: Array) -> tuple[Array, Array, Array]:
        shifted = z - z.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        return shifted, p, total

    def value_and_slope(self, z: Array, y: Array, scale: float) -> tuple[Array, Array]:
        shifted, p, total = self._softmax(z)
        if self.naive:
            with np.errstate(divide="ignore", invalid="ignore"):  # as in TwoClasses
                value = -(y * np.log(p)).sum(axis=(1, 2))
        else:
            value = np.log(total).sum(axis=(1, 2)) - np.einsum("ron,on->r", shifted, y)
        p -= y
        p *= scale
        return scale * value, p

    def bend(self, z: Array, y: Array, scale: float, zt: Array) -> Array:
        _, p, _ = self._softmax(z)
        pt = p * zt
        return scale * (pt - p * pt.sum(axis=1, keepdims=True))

    def right(self, z: Array, y: Array) -> Array:
        return np.asarray((z.argmax(axis=1) == y.argmax(axis=0)).mean(axis=1))

    def best_constant(self, y: Array, scale: float) -> float:
        return _entropy(y.sum(axis=1), scale)


def _entropy(counts: Array, scale: float) -> float:
    seen = counts[counts > 0]
    return float(-scale * (seen * np.log(seen / seen.sum())).sum())

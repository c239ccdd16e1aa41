"""The network whose border between rates that train and rates that do not is a fractal."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from explorer.core.data import Seed
from explorer.core.ground.elementary import tanh
from explorer.core.ground.knobs import Knob
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many

CHUNK, FEWEST = 2**18, 32  # bytes of hidden signals computed at once, for a core's own cache, but at least this many runs

Width = Annotated[int, Knob(1, 32, at_least=1, at_most=256, label="hidden units")]
Examples = Annotated[int, Knob(1, 300, at_least=1, at_most=10_000, label="examples", help="The paper has as many as weights: 272.")]


@of_one_or_many
@dataclass(frozen=True, eq=False)
class RandomNetwork:
    """Mean (ŷ - y)² with ŷ = w₂ᵀ tanh(√2 W₁ᵀx / √n) / n, all n inputs and units: "mean field", without biases.

    `X` is ``(examples, n)``, `y` ``(examples,)``. Runs are last in every array, so the first layer of all of them is one product.
    """

    X: Array
    y: Array
    start: Array
    minimum, lower_bound = None, 0.0
    formula = r"\tfrac1N \sum_i (w_2^\top \tanh(\sqrt{2/n}\, W_1^\top x_i) / n - y_i)^2"

    @property
    def dim(self) -> int:
        return len(self.start)

    @property
    def width(self) -> int:
        return self.X.shape[1]

    @cached_property
    def blocks(self) -> tuple[tuple[str, slice], ...]:
        return ("W1", slice(0, self.width**2)), ("W2", slice(self.width**2, self.dim))

    def _data(self, dtype: Any) -> tuple[Array, Array]:
        """Return the inputs as they enter the product, and the targets ``(examples, 1)``, in the type of the point."""
        if dtype not in self._typed:
            self._typed[dtype] = (math.sqrt(2 / self.width) * self.X).astype(dtype), self.y.astype(dtype)[:, np.newaxis]
        return self._typed[dtype]

    @cached_property
    def _typed(self) -> dict[Any, tuple[Array, Array]]:
        return {}

    def _chunks(self, x: Array) -> Iterator[slice]:
        at_once = max(CHUNK // (self.X.size * x.itemsize), FEWEST)
        return (slice(i, i + at_once) for i in range(0, x.shape[1], at_once))

    def _split(self, x: Array) -> tuple[Array, Array]:
        """W₁ ``(n, n·runs)`` and w₂ ``(n, runs)``."""
        n = self.width
        return np.ascontiguousarray(x[: n * n]).reshape(n, -1), x[n * n :]

    def _forward(self, x: Array) -> tuple[Array, Array, Array]:
        """Return the inputs as they enter the product, the hidden units ``(examples, n, runs)`` and the residual ``(examples, runs)``."""
        W1, w2 = self._split(x)
        X, y = self._data(x.dtype)
        A = (X @ W1).reshape(len(X), self.width, -1)
        tanh(A, out=A)
        residual = np.einsum("nhr,hr->nr", A, w2) / self.width
        residual -= y
        return X, A, residual

    def value(self, x: Array) -> Array:
        found = np.empty(x.shape[1], x.dtype)
        for some in self._chunks(x):
            _, _, residual = self._forward(x[:, some])
            found[some] = np.einsum("nr,nr->r", residual, residual) / len(residual)
        return found

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        parts = [self._value_and_gradient(x[:, some]) for some in self._chunks(x)]
        if len(parts) == 1:
            return parts[0]
        values, gradients = zip(*parts, strict=True)
        return np.concatenate(values), np.concatenate(gradients, axis=1)

    def _value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        X, A, residual = self._forward(x)
        value = np.einsum("nr,nr->r", residual, residual) / len(X)
        residual *= 2 / (len(X) * self.width)
        gradient = np.empty_like(x)
        first, second = (gradient[where] for _, where in self.blocks)
        np.einsum("nhr,nr->hr", A, residual, out=second)
        A *= A
        np.subtract(1, A, out=A)
        A *= residual[:, np.newaxis]
        dW1 = np.matmul(X.T, A.reshape(len(X), -1), out=first.reshape(self.width, -1)).reshape(self.width, self.width, -1)
        dW1 *= x[self.width**2 :]
        return value, gradient

    def hvp(self, x: Array, v: Array) -> Array:
        product = np.empty_like(v)
        for some in self._chunks(x):
            product[:, some] = self._hvp(x[:, some], v[:, some])
        return product

    def _hvp(self, x: Array, v: Array) -> Array:
        """Pearlmutter 1994: what is called t is the change along `v`."""
        X, A, residual = self._forward(x)
        (_, w2), (V1, v2) = self._split(x), self._split(v)
        slope, d = 1 - A * A, 2 / (len(X) * self.width) * residual
        At = slope * (X @ V1).reshape(A.shape)
        dt = (np.einsum("nhr,hr->nr", At, w2) + np.einsum("nhr,hr->nr", A, v2)) * (2 / (len(X) * self.width**2))
        dZt = slope * (dt[:, np.newaxis] * w2 + d[:, np.newaxis] * v2) - 2 * A * At * (d[:, np.newaxis] * w2)
        first = (X.T @ dZt.reshape(len(X), -1)).reshape(-1, x.shape[1])
        return np.concatenate([first, np.einsum("nhr,nr->hr", At, d) + np.einsum("nhr,nr->hr", A, dt)])


@LOSSES
def random_network(width: Width = 16, examples: Examples = 16, seed: Seed = 0) -> RandomNetwork:
    """A small tanh network on random numbers: between the rates of its two layers that train and those that do not lies a fractal.

    Sohl-Dickstein 2024, "The boundary of neural network trainability is fractal", arXiv 2402.06184: inputs, targets and weights are
    N(0, 1), as many units as inputs, no biases, mean-field scaling. On the page Map, put each layer's rate on an axis.

    >>> random_network().dim, random_network(width=2).blocks
    (272, (('W1', slice(0, 4, None)), ('W2', slice(4, 6, None))))
    """
    random = np.random.default_rng(seed)
    X, y = random.standard_normal((examples, width)), random.standard_normal(examples)
    return RandomNetwork(X, y, random.standard_normal(width * width + width))

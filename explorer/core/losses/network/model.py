"""A network as a loss: layers, an objective and data, with exact derivatives, for many runs at once."""

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.losses.network.activations import Activation
from explorer.core.losses.network.layers import Chain
from explorer.core.losses.network.lines import lines
from explorer.core.losses.network.objectives import Objective
from explorer.core.losses.protocol import Array, blocks_of, finite_rows, of_one_or_many
from explorer.core.losses.written import Written

CHUNK = 2**19  # bytes of the largest signal of the runs that are computed at once: a few times what a core's own cache holds


@of_one_or_many
@dataclass(frozen=True, eq=False)
class Network:
    """The mean or sum over examples of what the `objective` makes of the network's outputs, plus ½ l2 ‖W‖² of the weights alone.

    Dropout's masks are drawn from a seed and the rows, on `on(rows)` only: the whole loss is computed without, as for validation. So every
    run of a sweep sees the same masks, and `batch_size` equal to the examples is full batch with new masks at every step. Points are best
    laid out in memory with each run's parameters side by side (`order`).
    """

    body: Chain
    objective: Objective
    X: Array  # ``(inputs, examples)``
    y: Array  # ``(outputs, examples)``
    start: Array
    widest: int  # the largest number of units times positions of any layer
    reduction: Literal["mean", "sum"] = "mean"
    l2: float = 0.0
    dropout_seed: int | None = None  # None without dropout
    held_out: tuple[Array, Array] | None = None
    minimum, lower_bound = None, 0.0  # squares and cross-entropies are never negative
    order = "F"

    @property
    def dim(self) -> int:
        return len(self.start)

    @property
    def examples(self) -> int:
        return self.X.shape[1]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each block, by its name."""
        layers = itertools.accumulate(int(part.letter == "W") for part in self.body.parts)
        return {f"{part.letter}{layer}": part.shape for part, layer in zip(self.body.parts, layers, strict=True)}

    @cached_property
    def blocks(self) -> tuple[tuple[str, slice], ...]:
        """The groups of parameters in order, such as ``("W1", slice(0, 32))``: weights W and biases b of each layer, gains and shifts."""
        return blocks_of(self.shapes)

    @property
    def scale(self) -> float:
        return 1 / self.examples if self.reduction == "mean" else 1.0

    @cached_property
    def _decay(self) -> Array:
        """`l2` where a weight is, 0 elsewhere: ``(dim, 1)``."""
        decay = np.zeros((self.dim, 1))
        for name, where in self.blocks:
            decay[where] = self.l2 if name.startswith("W") else 0.0
        return decay

    def _chunks(self, runs: int, itemsize: int) -> Iterator[slice]:
        most = max(CHUNK // (self.widest * max(self.examples, 1) * itemsize), 1)
        groups = -(-runs // most)
        return (slice(i * runs // groups, (i + 1) * runs // groups) for i in range(groups))

    def _data(self, x: Array) -> tuple[Array, Array]:
        return self.X.astype(x.dtype, copy=False), self.y.astype(x.dtype, copy=False)

    def data_loss(self, x: Array) -> Array:
        """Return the loss without the penalty: ``(dim, runs) -> (runs,)``."""
        return self._values(x, lambda z, y: self.objective.value_and_slope(z, y, self.scale)[0])

    def penalty(self, x: Array) -> Array:
        """½ l2 ‖W‖²: ``(dim, runs) -> (runs,)``."""
        return 0.5 * np.einsum("dr,dr->r", self._decay.astype(x.dtype) * x, x) if self.l2 else np.zeros(x.shape[1], x.dtype)

    def accuracy(self, x: Array) -> Array:
        """Return the share of examples that are classified right: ``(dim, runs) -> (runs,)``; nan where there are no classes."""
        return self._values(x, self.objective.right)

    @one_blas_thread
    def _values(self, x: Array, of: Callable[[Array, Array], Array]) -> Array:
        X, y = self._data(x)
        p, found = np.ascontiguousarray(x.T), np.empty(x.shape[1], x.dtype)
        for some in self._chunks(len(p), x.itemsize):
            found[some] = of(self.body.forward(p[some], X)[0], y)
        return found

    @one_blas_thread
    def outputs(self, x: Array, X: Array | None = None) -> Array:
        """Return the network's outputs: ``(runs, outputs, examples)``, for its own examples or other inputs ``(inputs, examples)``."""
        inputs = self._data(x)[0] if X is None else np.asarray(X, dtype=x.dtype)
        return self.body.forward(np.ascontiguousarray(x.T), inputs)[0]

    def signals(self, x: Array) -> list[tuple[Activation, Array]]:
        """Return every hidden layer's activation and the value its slope is evaluated at, ``(runs, units, examples)``: see `Activation`."""
        _, memory = self.body.forward(np.ascontiguousarray(x.T), self._data(x)[0])
        return list(self.body.activated(memory))

    def value(self, x: Array) -> Array:
        return self.data_loss(x) + self.penalty(x) if self.l2 else self.data_loss(x)

    @one_blas_thread
    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        X, y = self._data(x)
        p = np.ascontiguousarray(x.T)
        value, g = np.empty(len(p), x.dtype), np.empty_like(p)
        for some in self._chunks(len(p), x.itemsize):
            z, memory = self.body.forward(p[some], X)
            value[some], d = self.objective.value_and_slope(z, y, self.scale)
            self.body.backward(p[some], memory, d, g[some])
        gradient = g.T if x.flags.f_contiguous else np.ascontiguousarray(g.T)
        if self.l2:
            return value + self.penalty(x), gradient + self._decay.astype(x.dtype) * x
        return value, gradient

    @one_blas_thread
    def hvp(self, x: Array, v: Array) -> Array:
        product = np.empty_like(v)
        for some in self._chunks(x.shape[1], x.itemsize):
            product[:, some] = self.hessian_at(x[:, some])(v[:, some])
        return product

    @one_blas_thread
    def hessian_at(self, x: Array) -> Callable[[Array], Array]:
        """Return the function v -> Hv at these points, with what depends on the points alone computed once."""
        X, y = self._data(x)
        p = np.ascontiguousarray(x.T)
        z, memory = self.body.forward(p, X)
        _, d = self.objective.value_and_slope(z.copy(), y, self.scale)

        @one_blas_thread
        def product(v: Array) -> Array:
            q = np.ascontiguousarray(v.T)
            gt = np.empty_like(p)
            zt, tangents = self.body.push(p, q, memory, None)
            self.body.pull(p, q, memory, tangents, d, self.objective.bend(z, y, self.scale, zt), gt)
            turned = np.ascontiguousarray(gt.T)
            return turned + self._decay.astype(v.dtype) * v if self.l2 else turned

        return product

    @property
    def finite_examples(self) -> NDArray[np.bool_]:
        """Whether all numbers of each example are finite: ``(examples,)``."""
        return finite_rows(self.X.T, self.y.T)

    def on(self, rows: NDArray[np.intp]) -> Self:
        """Return the loss on these rows: the mean over them, or their sum; with dropout, if the network has any."""
        body = self.body
        if self.dropout_seed is not None:
            key = zlib.crc32(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
            body = body.drawn(np.random.default_rng([self.dropout_seed, key]), len(rows))
        return replace(self, body=body, X=self.X.take(rows, axis=1), y=self.y.take(rows, axis=1), held_out=None)

    @property
    def written(self) -> Written | None:
        return lines(self)

    @property
    def validation(self) -> Self | None:
        """The data loss on the examples that were held out, without penalty; None if there are none."""
        if self.held_out is None:
            return None
        X, y = self.held_out
        return replace(self, X=X, y=y, l2=0.0, held_out=None, dropout_seed=None)

    @property
    def best_constant(self) -> float:
        """The loss of the best answer that is the same for every example: the best that a network of dead units can do."""
        return self.objective.best_constant(self.y, self.scale)

"""The layers of a network. A layer is one value with four functions side by side, each a few lines.

`forward` computes; `backward` propagates the gradient back (Rumelhart, Hinton and Williams 1986); `push` and `pull` are the same two
differentiated along a direction `v` of the parameters, which makes the product with the Hessian exact: Pearlmutter 1994, "Fast exact
multiplication by the Hessian", the R-operator. A name that ends in t is the change (tangent) of what is called so without it.

Inside a network the runs come first, because a matrix product for each run is what the processor does fastest: parameters are
``(runs, size)`` and signals ``(runs, units, examples)``. The input ``(units, examples)`` is shared by all runs.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.blas import turned_is_slow
from explorer.core.losses.network import normalization
from explorer.core.losses.network.activations import ACTIVATIONS, Activation
from explorer.core.losses.protocol import Array

Signal = Any  # an array; or None where it belongs to the data, which do not change and whose gradient nobody asks for


FEW = 16  # up to this many examples, or rows, count as few for any number of inputs: see `outer`


class Part(NamedTuple):
    """A group of parameters of a layer: the letter it is called by, and its shape."""

    letter: str
    shape: tuple[int, ...]


class Layer(Protocol):
    """The four functions, and the parameters that they read.

    `p` and `v` ``(runs, size)`` are parameters and their change; `g` and `gt` of the same shape are filled in with the gradient and its
    change. `memory` and `tangents` are what a layer saved in its own earlier calls.
    """

    @property
    def parts(self) -> tuple[Part, ...]:
        """The groups of parameters, in order."""

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        """Return the output, and what the other three need of it."""

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        """Return the gradient by the input, from `d` by the output. Both `d` and `memory` may be overwritten."""

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        """Return how the output changes when the parameters change by `v` and the input by `t`."""

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        """Return the gradient by the input and how it changes, from `d` and its change `dt` by the output."""


def size(layer: Layer) -> int:
    """Return how many parameters a layer has."""
    return sum(int(np.prod(part.shape)) for part in layer.parts)


@dataclass(frozen=True)
class Window:
    """A square window that slides over images: `channels` × `side` × `side` numbers, no padding, steps of one.

    >>> Window(channels=1, side=8, width=3).positions
    36
    """

    channels: int
    side: int
    width: int

    @property
    def out_side(self) -> int:
        return self.side - self.width + 1

    @property
    def positions(self) -> int:
        return self.out_side**2

    def gather(self, a: Array) -> Array:
        """Return what each position of the window sees, side by side: ``(..., channels·width², positions·examples)``."""
        *runs, _, _ = shape = a.shape
        images = a.reshape(*runs, self.channels, self.side, self.side, -1)
        seen = np.lib.stride_tricks.sliding_window_view(images, (self.width, self.width), axis=(-3, -2))
        first = len(shape) - 2
        order = (*range(first), first, first + 4, first + 5, first + 1, first + 2, first + 3)
        return seen.transpose(order).reshape(*runs, self.channels * self.width**2, -1)

    def scatter(self, d: Array) -> Array:
        """Return the adjoint of `gather`: each number back to where it was read, added up."""
        runs, out = len(d), self.out_side
        seen = d.reshape(runs, self.channels, self.width, self.width, out, out, -1)
        images = np.zeros((runs, self.channels, self.side, self.side, seen.shape[-1]), dtype=d.dtype)
        for i in range(self.width):
            for j in range(self.width):
                images[:, :, i : i + out, j : j + out] += seen[:, :, i, j]
        return images.reshape(runs, self.channels, -1)


def outer(d: Array, a: Array, out: Array | None = None) -> Array:
    """Return the sum over examples of d aᵀ, for each run; into `out` if that is given.

    Where BLAS is slow to multiply by a transposed matrix that is short, to copy it first is faster, if there are rows enough to share the
    copy: 0.4 to 0.9 of the time with OpenBLAS's kernels for AVX-512, but 1.1 to 1.5 times with those for AVX2 (`benchmarks/tricks.py`).
    """
    rows, (units, examples) = d.shape[-2], a.shape[-2:]
    short = turned_is_slow() and examples <= (max(FEW, units) if rows > FEW else FEW)
    turned = a.swapaxes(-1, -2)
    return np.matmul(d, np.ascontiguousarray(turned) if short and rows > 1 else turned, out=out)


def back(W: Array, d: Array) -> Array:
    """Wᵀ d for each run; with one output there is nothing to sum, and multiplying is two to five times faster than a product."""
    return np.einsum("roi,ron->rin", W, d) if W.shape[1] == 1 else W.swapaxes(1, 2) @ d


def over_examples(d: Array) -> Array:
    """Return the sum over examples, ``(runs, units)``: as a product with ones, which is faster than a sum of rows so short."""
    return (d.reshape(-1, d.shape[-1]) @ np.ones(d.shape[-1], d.dtype)).reshape(d.shape[:-1])


@dataclass(frozen=True)
class Linear:
    """z = m W a + b; with a `window`, at each of its positions (a convolution, its examples being positions × examples).

    `multiplier` is m. With `standardized` the weights of each unit are first shifted and scaled to mean 0 and variance 1 (weight
    standardization, Qiao et al. 2019, arXiv 1903.10520).
    """

    inputs: int
    outputs: int
    bias: bool = True
    multiplier: float = 1.0
    standardized: bool = False
    window: Window | None = None

    @property
    def positions(self) -> int:
        """At how many places each example is looked at."""
        return self.window.positions if self.window else 1

    @property
    def parts(self) -> tuple[Part, ...]:
        weights = Part("W", (self.outputs, self.inputs))
        return (weights, Part("b", (self.outputs,))) if self.bias else (weights,)

    def _split(self, p: Array) -> tuple[Array, Array]:
        """Return the matrices ``(runs, outputs, inputs)`` and the biases ``(runs, outputs or 0)``: views of `p`."""
        cut = self.outputs * self.inputs
        return p[:, :cut].reshape(-1, self.outputs, self.inputs), p[:, cut:]

    def _seen(self, a: Array) -> Array:
        if self.window is not None:
            return self.window.gather(a)
        return a if a.shape[-2] == self.inputs else a.reshape(len(a), self.inputs, -1)  # an image, laid out as one row

    def _returned(self, d: Array, shape: tuple[int, ...]) -> Array:
        return (self.window.scatter(d) if self.window is not None else d).reshape(shape)

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        W, b = self._split(p)
        y, s = normalization.normalized(W, -1) if self.standardized else (W, W)
        W = y if self.multiplier == 1 else self.multiplier * y
        seen = self._seen(a)
        # Inputs that all runs share need one product only.
        z = (W.reshape(-1, self.inputs) @ seen).reshape(len(W), self.outputs, seen.shape[-1]) if seen.ndim == 2 else W @ seen
        if self.bias:
            z += b[:, :, np.newaxis]
        return z, (seen, a.shape, W, y, s)

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        a, shape, W, y, s = memory
        gW, gb = self._split(g)
        dW = outer(d, a, out=gW)
        if self.multiplier != 1:
            dW *= self.multiplier
        if self.standardized:
            gW[...] = normalization.backward(y, s, dW, -1)
        if self.bias:
            gb[...] = over_examples(d)
        return None if a.ndim == 2 else self._returned(back(W, d), shape)

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        a, _, W, y, s = memory
        Wt, bt = self._split(v)
        yt, st = normalization.push(y, s, Wt, -1) if self.standardized else (Wt, Wt)
        Wt = self.multiplier * yt
        zt = Wt @ a
        if t is not None:
            t = self._seen(t)
            zt += W @ t
        if self.bias:
            zt += bt[:, :, np.newaxis]
        return zt, (t, Wt, yt, st)

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        a, shape, W, y, s = memory
        t, Wt, yt, st = tangents
        gW, gb = self._split(gt)
        dWt = outer(dt, a)
        if t is not None:
            dWt += outer(d, t)
        dWt *= self.multiplier
        if self.standardized:
            _, dWt = normalization.pull(y, s, yt, st, self.multiplier * outer(d, a), dWt, -1)
        gW[...] = dWt
        if self.bias:
            gb[...] = over_examples(dt)
        if a.ndim == 2:
            return None, None
        return self._returned(back(W, d), shape), self._returned(back(W, dt) + back(Wt, d), shape)


@dataclass(frozen=True)
class Activate:
    """a = f(z), for every unit and example."""

    name: str
    parts = ()

    @property
    def activation(self) -> Activation:
        return ACTIVATIONS[self.name]

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        out = self.activation.value(a)
        return out, a if self.activation.of_input else out

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        d *= self.activation.slope(memory, memory)
        return d

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        slope = self.activation.slope(memory)
        return slope * t, (slope, t)

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        slope, t = tangents
        return slope * d, slope * dt + self.activation.bend(memory) * t * d


@dataclass(frozen=True)
class Normalize:
    """γ y + β with y the input at mean 0 and variance 1: over the examples (batch norm) or over the units (layer norm).

    Ioffe and Szegedy 2015, arXiv 1502.03167; Ba, Kiros and Hinton 2016, arXiv 1607.06450. Batch norm uses the mean and variance of the
    examples at hand, in validation too: there are no running averages, because a loss has no memory.
    """

    units: int
    over: str

    @property
    def parts(self) -> tuple[Part, ...]:
        return Part("gain", (self.units,)), Part("shift", (self.units,))

    @property
    def axis(self) -> int:
        return -1 if self.over == "batch" else -2

    def _split(self, p: Array) -> tuple[Array, Array]:
        return p[:, : self.units, np.newaxis], p[:, self.units :, np.newaxis]

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        gain, shift = self._split(p)
        y, s = normalization.normalized(a, self.axis)
        return gain * y + shift, (y, s)

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        y, s = memory
        gain, _ = self._split(p)
        g[:, : self.units], g[:, self.units :] = (d * y).sum(axis=2), d.sum(axis=2)
        return normalization.backward(y, s, gain * d, self.axis)

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        (y, s), (gain, _), (gain_t, shift_t) = memory, self._split(p), self._split(v)
        yt, st = normalization.push(y, s, t, self.axis)
        return gain_t * y + gain * yt + shift_t, (yt, st)

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        (y, s), (yt, st), (gain, _), (gain_t, _) = memory, tangents, self._split(p), self._split(v)
        gt[:, : self.units], gt[:, self.units :] = (dt * y + d * yt).sum(axis=2), dt.sum(axis=2)
        return normalization.pull(y, s, yt, st, gain * d, gain_t * d + gain * dt, self.axis)


@dataclass(frozen=True, eq=False)
class Dropout:
    """Sets a share `rate` of the numbers to 0 and the rest to a/(1 - rate), by a `mask` ``(units, examples)``; does nothing without one.

    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", scaled as PyTorch does.
    """

    rate: float
    units: int
    positions: int = 1
    mask: NDArray[np.bool_] | None = None
    parts = ()

    def drawn(self, random: np.random.Generator, examples: int) -> Self:
        """Return the layer with a mask for this many examples."""
        return replace(self, mask=random.random((self.units, self.positions * examples)) >= self.rate)

    def _masked(self, u: Array) -> Array:
        return u if self.mask is None else u * self.mask * (1 / (1 - self.rate))

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        return self._masked(a), None

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        return self._masked(d)

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        return self._masked(t), None

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        return self._masked(d), self._masked(dt)


@dataclass(frozen=True, eq=False)
class Chain:
    """Layers one after another; a layer of layers, so that a block of a network is one too."""

    layers: tuple[Layer, ...]
    slices: tuple[slice, ...] = field(init=False)

    def __post_init__(self) -> None:
        ends = np.cumsum([0, *map(size, self.layers)]).tolist()
        object.__setattr__(self, "slices", tuple(slice(a, b) for a, b in itertools.pairwise(ends)))

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for layer in self.layers for part in layer.parts)

    def drawn(self, random: np.random.Generator, examples: int) -> "Chain":
        return Chain(tuple(layer.drawn(random, examples) if hasattr(layer, "drawn") else layer for layer in self.layers))

    def activated(self, memory: Any) -> Iterator[tuple[Activation, Array]]:
        """Yield each activation with the value its slope is evaluated at."""
        for layer, own in zip(self.layers, memory, strict=True):
            if isinstance(layer, Activate):
                yield layer.activation, own
            elif isinstance(layer, Residual):
                yield from layer.inner.activated(own)

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        memory = []
        for layer, where in zip(self.layers, self.slices, strict=True):
            a, own = layer.forward(p[:, where], a)
            memory.append(own)
        return a, memory

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        for layer, where, own in zip(reversed(self.layers), reversed(self.slices), reversed(memory), strict=True):
            d = layer.backward(p[:, where], own, d, g[:, where])
        return d

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        tangents = []
        for layer, where, own in zip(self.layers, self.slices, memory, strict=True):
            t, tangent = layer.push(p[:, where], v[:, where], own, t)
            tangents.append(tangent)
        return t, tangents

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        for i in reversed(range(len(self.layers))):
            where = self.slices[i]
            d, dt = self.layers[i].pull(p[:, where], v[:, where], memory[i], tangents[i], d, dt, gt[:, where])
        return d, dt


@dataclass(frozen=True, eq=False)
class Residual:
    """a + scale · inner(a): a skip connection around the inner layers (He et al. 2016, arXiv 1512.03385)."""

    inner: Chain
    scale: float

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.inner.parts

    def drawn(self, random: np.random.Generator, examples: int) -> Self:
        return replace(self, inner=self.inner.drawn(random, examples))

    def forward(self, p: Array, a: Array) -> tuple[Array, Any]:
        out, memory = self.inner.forward(p, a)
        return a + self.scale * out, memory

    def backward(self, p: Array, memory: Any, d: Array, g: Array) -> Signal:
        return d + self.inner.backward(p, memory, self.scale * d, g)

    def push(self, p: Array, v: Array, memory: Any, t: Signal) -> tuple[Array, Any]:
        out, tangents = self.inner.push(p, v, memory, t)
        return t + self.scale * out, tangents

    def pull(self, p: Array, v: Array, memory: Any, tangents: Any, d: Array, dt: Array, gt: Array) -> tuple[Signal, Signal]:
        back, back_t = self.inner.pull(p, v, memory, tangents, self.scale * d, self.scale * dt, gt)
        return d + back, dt + back_t

"""Rules that look at a matrix of weights as one: the blocks of a loss say which numbers of a point are one."""

import itertools
from typing import Annotated, Literal

import numpy as np

from explorer.core.ground.checks import must
from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import ANY_CURVATURE, PLAIN_STEP, Array, Number
from explorer.core.optimizers.rule import (
    OPTIMIZERS,
    Blocks,
    DecoupledDecay,
    Epsilon,
    Momentum,
    Optimizer,
    State,
    kept,
    with_decoupled_decay,
)

EPSILON = 2.0**-52
"""float64's rounding, as the default of `adafactor`: of other numbers their own is taken, as PyTorch does where none is given."""


@OPTIMIZERS.named("Adafactor", torch="Adafactor")
def adafactor(
    beta2_decay: Annotated[float, Knob(-1, 0, at_most=0, label="decay of β₂", help="The power of t in 1 - β₂.")] = -0.8,
    eps1: Annotated[float, Knob(1e-16, 1e-2, log=True, at_least=0, label="ε₁", help="The least size of a gradient.")] = EPSILON,
    eps2: Annotated[float, Knob(1e-6, 1, log=True, at_least=0, label="ε₂", help="The least size of the weights.")] = 1e-3,
    d: Annotated[float, Knob(1, 10, at_least=1, help="A step whose mean square is larger is cut to it.")] = 1.0,
    weight_decay: DecoupledDecay = 0.0,
) -> Optimizer:
    """Adam without momentum, for large matrices: it remembers the gradient's size by rows and columns, and steps by a share of the weights.

    R and C are running means of g² over each row and column, with β₂ = 1 - t^c, V = RC/mean(R), or V of g² where a block is no matrix;
    U = g/√V, x ← x - η max(ε₂, RMS(x)) U / max(1, RMS(U)/d) with η at most 1/√t (Shazeer & Stern 2018, algorithms 4 and 5, in
    PyTorch's form). Stable while η λmax(P⁻¹H) < 2, with all that divides the step, P, held still. P follows the gradient, and a rate
    above 1/√t is cut to that: beyond the edge a run swings, and from some step on it is below it. The default of ε₁, float64's rounding,
    stands for that of the numbers at hand: 2⁻²³ in float32.

    >>> rule, x = adafactor(), np.full((2, 1), 3.0)
    >>> rule.update(np.array([[4.0], [-1.0]]), rule.init(x), x)[0][:, 0]    # as long as the weights
    array([ 3., -3.])
    """

    def init(x: Array, blocks: Blocks | None = None) -> State:
        return 0, blocks or Blocks.one(x), np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def least(g: Array, power: int) -> Array:
        return np.asarray(np.where(np.equal(eps1, EPSILON), np.finfo(g.dtype).eps, eps1) ** power, g.dtype)

    def update(g: Array, state: State, x: Array, rate: Number = 1.0) -> tuple[Array, State]:
        t, blocks, rows, columns, _ = state
        t = t + 1
        new = t**beta2_decay
        rows = (1 - new) * rows + new * blocks.each(lambda g: _mean_square(g, -2), g)
        columns = (1 - new) * columns + new * blocks.each(lambda g: _mean_square(g, -3), g)
        root = np.sqrt(np.maximum(blocks.each(estimate, rows, columns), least(g, 2)))
        cut = np.maximum(1.0, blocks.each(_rms, g / root) / d)
        P = root * cut * np.maximum(1.0, rate * t**0.5) / np.maximum(eps2, blocks.each(_rms, x))
        return g / P, (t, blocks, rows, columns, P)

    def estimate(rows: Array, columns: Array) -> Array:
        return rows * columns / np.maximum(rows.mean(axis=-3, keepdims=True), least(rows, 1)) if rows.ndim > 2 else rows

    code = (
        "v = np.zeros_like(x)",
        "new = t**beta2_decay\nv = (1 - new) * v + new * g * g\nu = g / np.sqrt(np.clip(v, eps1**2, None))\n"
        "cut, size = max(1, np.sqrt(np.mean(u * u)) / d), max(eps2, np.sqrt(np.mean(x * x)))",
        "size * u / cut / max(1, rate * t**0.5)",
    )
    rule = Optimizer(init, update, PLAIN_STEP, kept, shaped=True, rated=True, code=code)
    return with_decoupled_decay(weight_decay, rule)


def _mean_square(g: Array, axis: int) -> Array:
    """The mean of g² along an axis of a matrix ``(..., m, n, runs)``; g² of what is none."""
    return np.asarray((g * g).mean(axis=axis, keepdims=True) if g.ndim > 2 else g * g)


def _rms(block: Array) -> Array:
    """The root of the mean square of a block ``(*shape, runs)``, as ``(1, ..., runs)``."""
    return np.sqrt((block * block).mean(axis=tuple(range(block.ndim - 1)), keepdims=True))


@OPTIMIZERS.named("Muon", torch="Muon")
def muon(
    momentum: Momentum = 0.95,
    nesterov: bool = True,
    ns_coefficients: Annotated[tuple[float, ...], Knob(-5, 5, label="a, b, c of Newton-Schulz")] = (3.4445, -4.775, 2.0315),
    eps: Epsilon = 1e-7,
    ns_steps: Annotated[int, Knob(1, 10, at_least=0, below=100, label="steps of Newton-Schulz")] = 5,
    adjust_lr_fn: Literal["original", "match_rms_adamw"] = "original",
    weight_decay: DecoupledDecay = 0.1,
) -> Optimizer:
    """Momentum whose step is turned into a matrix with all singular values near 1: every direction of a layer moves alike.

    B ← μ B + (1 - μ) G, O = NS(μ B + (1 - μ) G), or NS(B) without `nesterov`, W ← (1 - η w) W - η √max(1, m/n) O for a matrix m × n
    (Jordan et al. 2024, in PyTorch's form); NS is `newton_schulz`. A vector is a matrix of one column, whose O is its direction; of a
    convolution's kernel all axes but the first are one. No curvature has an edge, because a step has the same length on any; decay alone
    overshoots, at η w = 2.

    >>> rule, x = muon(weight_decay=0.0), np.ones((4, 1))
    >>> eye = Blocks(((slice(0, 4), (2, 2)),))
    >>> rule.update(np.array([[3.0], [0.0], [0.0], [0.1]]), rule.init(x, eye), x)[0][:, 0].round(1)    # singular values of 3 and 0.1
    array([0.7, 0. , 0. , 1.1])
    """
    if len(ns_coefficients) != 3:
        raise must("ns_coefficients", "three numbers: a, b and c", f"{len(ns_coefficients)}")

    def init(x: Array, blocks: Blocks | None = None) -> State:
        return blocks or Blocks.one(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        blocks, b, _ = state
        b = momentum * b + (1 - momentum) * g
        c = momentum * b + (1 - momentum) * g if nesterov else b
        o = blocks.each(orthogonal, c)
        return o, (blocks, b, np.divide(np.abs(c), np.abs(o), out=np.zeros_like(c), where=o != 0))  # of a matrix o may turn a sign, too

    def orthogonal(block: Array) -> Array:
        m, runs = block.shape[0], block.shape[-1]
        G = np.moveaxis(block.reshape(m, -1, runs), -1, 0)
        m, n = G.shape[1:]
        scale = max(1, m / n) ** 0.5 if adjust_lr_fn == "original" else 0.2 * max(m, n) ** 0.5
        turned = newton_schulz(G, ns_coefficients, ns_steps, eps)
        return np.asarray(scale * np.moveaxis(turned, 0, -1).reshape(block.shape)).astype(block.dtype, copy=False)

    code = (
        COLUMN,
        "b = momentum * b + (1 - momentum) * g\nc = momentum * b + (1 - momentum) * g if nesterov else b",
        "newton_schulz(c) * np.size(x) ** 0.5" if adjust_lr_fn == "original" else "newton_schulz(c) * 0.2 * np.size(x) ** 0.5",
    )
    rule = Optimizer(init, update, ANY_CURVATURE, kept, shaped=True, code=code)
    return with_decoupled_decay(weight_decay, rule)


COLUMN = """b = np.zeros_like(x)
def float32(number):
    return np.float64(np.float32(number))
def bfloat16(number):
    bits = np.asarray(number, dtype=np.float32).view(np.uint32)
    return np.float64(((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32))
def newton_schulz(c):  # of one column, rounded as PyTorch rounds it
    p, q, r = (float32(each) for each in ns_coefficients)
    X = bfloat16(c)
    X = bfloat16(X / max(bfloat16(np.sqrt(np.sum(X * X))), eps))
    for _ in range(ns_steps):
        A = bfloat16(np.sum(X * X))
        B = bfloat16(q * A + float32(r * float32(A * A)))
        X = bfloat16(p * X + float32(B * X))
    return X"""
"""What a program that somebody takes away has of `newton_schulz`, where a point is one column."""


def newton_schulz(G: Array, coefficients: tuple[float, ...], count: Number, eps: Number) -> Array:
    """Bring the singular values of matrices ``(runs, m, n)`` near 1 by X ← aX + (bA + cA²)X with A = XXᵀ, from X = G/max(‖G‖, ε).

    Each product is rounded as PyTorch rounds it on a CPU, to float32 and then to bfloat16, so values end between about 0.7 and 1.2.
    `count` and `eps` are numbers or ``(runs,)``. PyTorch adds up in float32 too: of 400 random matrices of 16 × 16 one had a number that it
    rounds to the other neighbor, of smaller ones none.

    >>> newton_schulz(np.array([[[3.0, 0.0], [0.0, 0.1]]]), (3.4445, -4.775, 2.0315), 5, 1e-7).round(1)[0].diagonal()
    array([0.7, 1.1])
    """
    a, b, c = (float(np.float32(each)) for each in coefficients)
    X = bfloat16(G if G.shape[1] <= G.shape[2] else G.transpose(0, 2, 1))
    norm = bfloat16(np.sqrt((X * X).sum(axis=(1, 2), keepdims=True)))
    X = bfloat16(X / np.maximum(norm, np.reshape(eps, (-1, 1, 1))))
    for k in itertools.takewhile(lambda k: np.any(k < count), itertools.count()):
        A = bfloat16(X @ X.transpose(0, 2, 1))
        B = bfloat16(b * A + float32(c * float32(A @ A)))
        turned = bfloat16(a * X + float32(B @ X))
        X = np.where(np.reshape(k < count, (-1, 1, 1)), turned, X)
    return X if G.shape[1] <= G.shape[2] else X.transpose(0, 2, 1)


def float32(numbers: Array) -> Array:
    """Round to float32, as float64."""
    return numbers.astype(np.float32).astype(np.float64)


def bfloat16(numbers: Array) -> Array:
    """Round to the nearest number with 8 bits, to the even one of two, as float64.

    >>> bfloat16(np.array([1.0, 1.003, 3.14159]))
    array([1.      , 1.      , 3.140625])
    """
    bits = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(numbers), rounded.view(np.float32), numbers).astype(np.float64)

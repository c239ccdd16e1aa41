"""Update rules: pairs of pure functions with PyTorch's arithmetic, each with its own stability rule.

A point is ``(dim, runs)`` and every hyperparameter is a number or an array ``(runs,)``. The learning rate is not a rule's business:
the loop computes ``x - learning_rate * direction``. Formulas are PyTorch 2.13's, whose recorded steps the tests compare with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.knobs import Knob, Shelf

Array = NDArray[np.float64]
State = tuple[Any, ...]
"""What a rule remembers: a tuple of arrays ``(dim, runs)`` and counters."""

Number = float | Array

Decay = Annotated[float, Knob(0, 0.999, at_least=0, below=1, help="How much of the past is kept at each step.")]
Momentum = Annotated[float, Knob(0, 0.99, at_least=0, below=1, label="momentum β", help="The share of the last step that is repeated.")]
Dampening = Annotated[float, Knob(0, 0.99, at_least=0, below=1, help="The share of the new gradient that is held back.")]
Epsilon = Annotated[float, Knob(1e-10, 1e-2, log=True, at_least=0, label="ε", help="Keeps the denominator away from zero.")]
WeightDecay = Annotated[float, Knob(0, 1, at_least=0, help="Adds weight decay × x to the gradient (L2): every curvature grows by it.")]


@dataclass(frozen=True)
class Recurrence:
    """What a rule does to ½λx² at learning rate η: x(t+1) = trace·x(t) - det·x(t-1), both affine in h = ηλ.

    ``trace = trace_0 - trace_h·h`` and ``det = det_0 - det_h·h`` are this table of constants; edge, roots and growth follow from it.
    Goh 2017, "Why Momentum Really Works", writes gradient descent and the heavy ball this way.

    >>> Recurrence(trace_0=1.9, trace_h=1, det_0=0.9, det_h=0).edge    # heavy ball, β = 0.9: 2(1 + β)
    3.8
    """

    trace_0: Number = 1.0
    trace_h: Number = 1.0
    det_0: Number = 0.0
    det_h: Number = 0.0

    @property
    def edge(self) -> Number:
        """The largest h at which no root is outside the unit circle: Jury's test 1 + trace + det ≥ 0 fails first as h grows."""
        return (1 + self.trace_0 + self.det_0) / (self.trace_h + self.det_h)

    def trace_and_det(self, h: Number) -> tuple[Array, Array]:
        """The two coefficients at `h`, broadcast together."""
        h = np.asarray(h, dtype=float)
        return self.trace_0 - self.trace_h * h, self.det_0 - self.det_h * h

    def roots(self, h: Number) -> Array:
        """Both roots of z² - trace·z + det at each h: complex ``(2, *h.shape)``, the larger in absolute value first."""
        trace, det = np.broadcast_arrays(*self.trace_and_det(h))
        half = np.asarray(trace, dtype=complex) / 2
        root = np.sqrt(half * half - det)
        larger = half + np.where(half.real < 0, -root, root)
        with np.errstate(divide="ignore", invalid="ignore"):
            smaller = np.where(larger == 0, 0, det / larger)  # the product of the roots is det: no cancellation
        return np.stack([larger, smaller])

    def growth(self, h: Number) -> Array:
        """The factor per step in the long run: the larger root's absolute value, at each h."""
        return np.abs(self.roots(h)[0])


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An update rule and its edge as one value.

    `init` makes the state for a point ``(dim, runs)``; `update` turns ``(gradient, state, x)`` into ``(direction, state)``.
    `preconditioner` reads from a state what divides each coordinate's step, ``(dim, runs)``; None where nothing does.
    `recurrence` is the rule with that preconditioner held still, and `weight_decay` what the rule adds to every curvature.
    `name` and `knobs` are written in by the shelf.
    """

    init: Callable[[Array], State]
    update: Callable[[Array, State, Array], tuple[Array, State]]
    recurrence: Recurrence = Recurrence()
    preconditioner: Callable[[State], Array] | None = None
    weight_decay: Number = 0.0
    name: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many runs the hyperparameters are for: 1 if they are all numbers."""
        return max((np.size(value) for value in self.knobs.values()), default=1)

    def largest_stable_rate(self, curvature: Number) -> Number:
        """The largest learning rate that does not diverge on curvature `curvature` (preconditioned, where the rule does that).

        Infinite where nothing curves upward.

        >>> OPTIMIZERS["gradient_descent"]().largest_stable_rate(4.0)
        0.5
        """
        curvature = np.asarray(curvature, dtype=float) + self.weight_decay
        with np.errstate(divide="ignore"):
            rate = np.where(curvature > 0, self.recurrence.edge / np.where(curvature > 0, curvature, 1), np.inf)
        return float(rate) if rate.ndim == 0 else rate


OPTIMIZERS: Shelf[Optimizer] = Shelf("optimizer", lambda made, name, knobs: dataclasses.replace(made, name=name, knobs=knobs))


def with_weight_decay(weight_decay: Number, rule: Optimizer) -> Optimizer:
    """The rule on loss + ½·weight_decay·‖x‖², as PyTorch's coupled `weight_decay`: added to the gradient before anything else."""
    if np.ndim(weight_decay) == 0 and weight_decay == 0:
        return rule

    def update(gradient: Array, state: State, x: Array) -> tuple[Array, State]:
        return rule.update(gradient + weight_decay * x, state, x)

    return dataclasses.replace(rule, update=update, weight_decay=weight_decay)


@OPTIMIZERS
def gradient_descent(weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Step straight down the gradient.

    x ← x - η g (Cauchy 1847). Stable on curvature λ while ηλ < 2.

    >>> direction, state = gradient_descent().update(np.array([[3.0]]), (), np.array([[1.0]]))
    >>> direction
    array([[3.]])
    """
    return with_weight_decay(weight_decay, Optimizer(init=lambda x: (), update=lambda gradient, state, x: (gradient, state)))


@OPTIMIZERS
def momentum(momentum: Momentum = 0.9, dampening: Dampening = 0.0, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """The heavy ball: keep rolling in the direction of the past steps.

    b ← β b + (1 - dampening) g, x ← x - η b; the first b is g itself, undampened, as in PyTorch (Polyak 1964).
    Stable on curvature λ while ηλ(1 - dampening) < 2(1 + β) (Goh 2017, "Why Momentum Really Works").

    >>> momentum(momentum=0.5).largest_stable_rate(1.0)
    3.0
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, b = state
        b = momentum * b + (1 - dampening) * g if t else g
        return b, (t + 1, b)

    heavy_ball = Recurrence(trace_0=1 + momentum, trace_h=1 - dampening, det_0=momentum, det_h=0.0)
    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball))


@OPTIMIZERS
def nesterov(
    momentum: Annotated[float, Knob(0.01, 0.99, above=0, below=1, label="momentum β")] = 0.9, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Momentum that looks ahead to where it is going.

    b ← β b + g, x ← x - η (g + β b), PyTorch's form of Nesterov 1983 (Sutskever et al. 2013, section 2).
    Stable on curvature λ while ηλ < 2(1 + β)/(1 + 2β) (Cohen et al. 2021, equation 1).

    >>> round(nesterov(momentum=0.9).largest_stable_rate(1.0), 6)
    1.357143
    """

    def init(x: Array) -> State:
        return (np.zeros_like(x),)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        (b,) = state
        b = momentum * b + g
        return g + momentum * b, (b,)

    look_ahead = Recurrence(trace_0=1 + momentum, trace_h=1 + momentum, det_0=momentum, det_h=momentum)
    return with_weight_decay(weight_decay, Optimizer(init, update, look_ahead))


@OPTIMIZERS
def rmsprop(
    alpha: Decay = 0.99, eps: Epsilon = 1e-8, momentum: Momentum = 0.0, centered: bool = False, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Divide each coordinate's step by the recent size of its gradient.

    v ← α v + (1 - α) g², d = g / (√v + ε), then b ← β b + d, x ← x - η b (Tieleman & Hinton 2012, lecture 6e; PyTorch puts ε
    outside the root and does not correct the bias). `centered` subtracts the squared mean gradient from v (Graves 2013).
    Stable while η λmax(P⁻¹H) < 2(1 + β), with P = √v + ε held still (Cohen et al. 2022, arXiv 2207.14484).

    >>> direction, _ = rmsprop().update(np.array([[4.0]]), rmsprop().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> float(direction[0, 0].round(6))    # the first step is 10 × the learning rate: v starts at 0
    10.0
    """

    def init(x: Array) -> State:
        return np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        v, mean, b = state
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g if centered else mean
        state = v, mean, b
        b = momentum * b + g / preconditioner(state)
        return b, (v, mean, b)

    def preconditioner(state: State) -> Array:
        v, mean, _ = state
        return np.asarray(np.sqrt(v - mean * mean) + eps)

    heavy_ball = Recurrence(trace_0=1 + momentum, trace_h=1.0, det_0=momentum, det_h=0.0)
    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball, preconditioner))


@OPTIMIZERS
def adam(
    beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, amsgrad: bool = False, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Momentum, with each coordinate's step divided by the recent size of its gradient.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², x ← x - η m̂ / (√v̂ + ε), with m̂ = m/(1 - β₁ᵗ) and v̂ = v/(1 - β₂ᵗ)
    (Kingma & Ba 2015, algorithm 1); `amsgrad` keeps the largest v (Reddi et al. 2018, algorithm 2; PyTorch compares uncorrected ones).
    Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), with P = √v̂ + ε held still: 38/η at 0.9 (Cohen et al. 2022, arXiv 2207.14484).

    >>> round(adam().largest_stable_rate(1.0), 6)
    38.0
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v, largest = state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        largest = np.maximum(largest, v) if amsgrad else v
        state = t, m, v, largest
        return m / (1 - beta1**t) / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, _, largest = state
        return np.asarray(np.sqrt(largest) / np.sqrt(1 - beta2**t) + eps)

    averaged_heavy_ball = Recurrence(trace_0=1 + beta1, trace_h=1 - beta1, det_0=beta1, det_h=0.0)
    return with_weight_decay(weight_decay, Optimizer(init, update, averaged_heavy_ball, preconditioner))

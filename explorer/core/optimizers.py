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

from explorer.core.ground.knobs import Knob, Shelf, check_number

Array = NDArray[np.float64]
State = tuple[Any, ...]
"""What a rule remembers: a tuple of arrays ``(dim, runs)`` and counters."""

Number = float | Array

Decay = Annotated[float, Knob(0, 0.999, at_least=0, below=1, help="How much of the past is kept at each step.")]
Momentum = Annotated[float, Knob(0, 0.99, at_least=0, below=1, label="momentum β", help="The share of the last step that is repeated.")]
Dampening = Annotated[float, Knob(0, 0.99, at_least=0, below=1, help="The share of the new gradient that is held back.")]
Epsilon = Annotated[float, Knob(1e-10, 1e-2, log=True, at_least=0, label="ε", help="Keeps the denominator away from zero.")]
WeightDecay = Annotated[float, Knob(0, 1, at_least=0, help="Adds weight decay × x to the gradient (L2): every curvature grows by it.")]
DecoupledDecay = Annotated[float, Knob(0, 1, at_least=0, help="Shrinks x by η × weight decay at each step, beside the step itself.")]

CLIP = Knob(0.01, 100, log=True, above=0)
"""The range of a clipping threshold."""


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
        """The largest h at which no root is outside the unit circle: Jury's test 1 + trace + det ≥ 0 fails first as h grows.

        Infinite where h has no say.
        """
        slope = self.trace_h + self.det_h
        return np.inf if np.ndim(slope) == 0 and slope == 0 else (1 + self.trace_0 + self.det_0) / slope

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


def heavy_ball(beta: Number, share: Number = 1.0) -> Recurrence:
    """Momentum b ← β b + share · g, x ← x - η b: stable while h · share < 2(1 + β) (Goh 2017). With share 1 - β, b is a running mean.

    >>> round(heavy_ball(0.9, 1 - 0.9).edge, 6)    # 2(1 + β)/(1 - β)
    38.0
    """
    return Recurrence(trace_0=1 + beta, trace_h=share, det_0=beta, det_h=0.0)


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An update rule and its edge as one value.

    `init` makes the state for a point ``(dim, runs)``; `update` turns ``(gradient, state, x)`` into ``(direction, state)``.
    `preconditioner` reads from a state what divides each coordinate's step, ``(dim, runs)``; None where nothing does.
    `recurrence` is the rule with that preconditioner held still. `weight_decay` is what the rule adds to every curvature, before
    anything divides it, and `decoupled_decay` what it multiplies x by, beside the step. `clips` says that large gradients are cut,
    so that the recurrence holds for small ones only. `name` and `knobs` are written in by the shelf.
    """

    init: Callable[[Array], State]
    update: Callable[[Array, State, Array], tuple[Array, State]]
    recurrence: Recurrence = Recurrence()
    preconditioner: Callable[[State], Array] | None = None
    weight_decay: Number = 0.0
    decoupled_decay: Number = 0.0
    clips: bool = False
    name: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many runs the hyperparameters are for: 1 if they are all numbers."""
        return max((np.size(value) for value in self.knobs.values()), default=1)

    def on(self, columns: NDArray[np.intp]) -> Optimizer:
        """The rule for some of its runs; itself if its hyperparameters are numbers."""
        if self.runs == 1:
            return self
        return _made(self.name, {name: value[columns] if np.ndim(value) else value for name, value in self.knobs.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its name and knobs, because its functions are closures: so a rule can travel to another process."""
        return _made, (self.name, dict(self.knobs))

    @property
    def is_linear(self) -> bool:
        """Whether the recurrence is the whole truth on a quadratic: nothing divides the step, nothing is clipped."""
        return self.preconditioner is None and not self.clips

    def largest_stable_rate(self, curvature: Number) -> Number:
        """The largest learning rate that does not diverge on curvature `curvature`.

        For a rule with a preconditioner P that is an eigenvalue of P⁻¹(H + weight_decay), for others one of H. Infinite where
        nothing curves upward. With edge e = recurrence.edge and decoupled decay w it is the η where η(curvature/e + w/2) = 1: at
        the edge x(t+1) = -x(t), and the step that does this has 2 - ηw left to cover instead of 2. That is exact for every
        rule here, as long as P holds still.

        >>> OPTIMIZERS["gradient_descent"]().largest_stable_rate(4.0)
        0.5
        >>> round(OPTIMIZERS["adamw"](weight_decay=1.0).largest_stable_rate(19.0), 6)    # η (19/38 + 1/2) = 1
        1.0
        """
        edge = np.asarray(self.recurrence.edge, dtype=float)
        share = np.where(np.isinf(edge), 0.0, (curvature + self._coupled) / edge) + np.asarray(self.decoupled_decay) / 2
        with np.errstate(divide="ignore", over="ignore"):
            rate = np.where(share > 0, 1 / np.where(share > 0, share, 1), np.inf)
        return float(rate) if rate.ndim == 0 else rate

    def largest_stable_curvature(self, learning_rate: Number) -> Number:
        """The largest curvature on which this learning rate does not diverge: the inverse of `largest_stable_rate`.

        What weight decay uses up of it is gone: without curvature left it is 0, and below 0 the decay alone is beyond the edge.

        >>> OPTIMIZERS["gradient_descent"](weight_decay=1.0).largest_stable_curvature(0.5)    # 2/η - weight_decay
        3.0
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            left = 1 / np.asarray(learning_rate, dtype=float) - np.asarray(self.decoupled_decay) / 2
            edge = np.asarray(self.recurrence.edge, dtype=float)
            curvature = np.where(np.isinf(edge), np.where(left < 0, -np.inf, np.inf), edge * left) - self._coupled
        return float(curvature) if curvature.ndim == 0 else curvature

    @property
    def _coupled(self) -> Number:
        """The decay that is added to a curvature; what a preconditioner divides is in that curvature already."""
        return self.weight_decay if self.preconditioner is None else 0.0


OPTIMIZERS: Shelf[Optimizer] = Shelf("optimizer", lambda made, name, knobs: dataclasses.replace(made, name=name, knobs=knobs))


def _made(name: str, knobs: Mapping[str, Any]) -> Optimizer:
    """The rule that the shelf, and clipping, make of this name and these knobs."""
    thresholds = {knob.removeprefix("clip_"): knobs[knob] for knob in ("clip_norm", "clip_value") if knob in knobs}
    rule = OPTIMIZERS[name](**{knob: value for knob, value in knobs.items() if not knob.startswith("clip_")})
    return clipped(rule, **thresholds)


def moving(mean: Array, decay: Number, *new: Array) -> Array:
    """The moving mean decay · mean + (1 - decay) · new, where `new` is the product of what is given: two passes less over the memory.

    >>> moving(np.array([1.0]), 0.75, np.array([3.0])), moving(np.array([1.0]), 0.75, np.array([3.0]), np.array([3.0]))
    (array([1.5]), array([3.]))
    """
    first, *rest = new
    found = (1 - decay) * first
    for factor in rest:
        found *= factor
    found += decay * mean
    return found


def with_weight_decay(weight_decay: Number, rule: Optimizer) -> Optimizer:
    """The rule on loss + ½·weight_decay·‖x‖², as PyTorch's coupled `weight_decay`: added to the gradient before anything else."""
    if np.ndim(weight_decay) == 0 and weight_decay == 0:
        return rule

    def update(gradient: Array, state: State, x: Array) -> tuple[Array, State]:
        return rule.update(gradient + weight_decay * x, state, x)

    return dataclasses.replace(rule, update=update, weight_decay=weight_decay)


def with_decoupled_decay(weight_decay: Number, rule: Optimizer) -> Optimizer:
    """The rule with x ← (1 - η·weight_decay) x beside its step, never divided or averaged (Loshchilov & Hutter 2019, algorithm 2).

    For plain gradient descent it is the same map as `with_weight_decay`; for a rule that divides its steps it is not.

    >>> with_decoupled_decay(1.0, gradient_descent()).largest_stable_rate(3.0)    # 2/(λ + weight_decay)
    0.5
    """
    if np.ndim(weight_decay) == 0 and weight_decay == 0:
        return rule

    def update(gradient: Array, state: State, x: Array) -> tuple[Array, State]:
        direction, state = rule.update(gradient, state, x)
        return direction + weight_decay * x, state

    return dataclasses.replace(rule, update=update, decoupled_decay=weight_decay)


def clipped(rule: Optimizer, *, norm: Number | None = None, value: Number | None = None) -> Optimizer:
    """Any rule on a gradient that is cut where it is too large; a threshold is a number or ``(runs,)``.

    `norm` shortens a gradient longer than this to this length and keeps its direction, g ← g · min(1, norm / (‖g‖ + 10⁻⁶)),
    each run by itself (Pascanu et al. 2013, algorithm 1; PyTorch's clip_grad_norm_). `value` cuts each coordinate to ±value
    (clip_grad_value_), and comes first if both are given. The edge stays where it is, because near a minimum nothing is
    clipped; but beyond it a run of gradient descent now jumps about at a bounded distance instead of diverging.

    A gradient with inf or nan in it is not rescued by its norm: inf · 0 is nan, as in PyTorch. By value, inf is cut and nan stays.
    Raises ValueError for a threshold that is not finite and > 0.

    >>> direction, _ = clipped(gradient_descent(), norm=1.0).update(np.array([[3.0], [4.0]]), (), np.zeros((2, 1)))
    >>> direction[:, 0].round(6)
    array([0.6, 0.8])
    >>> clipped(gradient_descent(), value=1.0).update(np.array([[0.5], [-4.0]]), (), np.zeros((2, 1)))[0][:, 0]
    array([ 0.5, -1. ])
    """
    thresholds = {"clip_norm": norm, "clip_value": value}
    given = {name: check_number(name, each, CLIP) for name, each in thresholds.items() if each is not None}
    if not given:
        return rule

    def update(gradient: Array, state: State, x: Array) -> tuple[Array, State]:
        if "clip_value" in given:
            gradient = np.clip(gradient, -given["clip_value"], given["clip_value"])
        if "clip_norm" in given:
            gradient = gradient * np.minimum(given["clip_norm"] / (length(gradient) + 1e-6), 1.0)
        return rule.update(gradient, state, x)

    return dataclasses.replace(rule, update=update, clips=True, knobs={**rule.knobs, **given})


def length(gradient: Array) -> Array:
    """The Euclidean length of each column, ``(dim, runs) -> (runs,)``, finite whenever the length is.

    The squares of a finite gradient may overflow before the gradient does, and that must not pass for an overflow of it.

    >>> length(np.array([[3e200], [4e200]]))
    array([5.e+200])
    """
    with np.errstate(over="ignore"):
        total = np.sqrt(np.einsum("dr,dr->r", gradient, gradient))
    suspect = ~np.isfinite(total)
    if suspect.any():
        columns = gradient[:, suspect]
        largest = np.abs(columns).max(axis=0)
        with np.errstate(invalid="ignore"):
            total[suspect] = np.where(np.isfinite(largest), largest * np.sqrt(((columns / largest) ** 2).sum(axis=0)), largest)
    return np.asarray(total)


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
    Stable on curvature λ while ηλ(1 - dampening) < 2(1 + β) (Goh 2017, "Why Momentum Really Works"); with dampening = β, b is a
    running mean of the gradients and the edge 2(1 + β)/(1 - β).

    >>> momentum(momentum=0.5).largest_stable_rate(1.0)
    3.0
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, b = state
        b = momentum * b + (1 - dampening) * g if t else g
        return b, (t + 1, b)

    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(momentum, 1 - dampening)))


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
def adagrad(
    lr_decay: Annotated[float, Knob(0, 1, at_least=0, help="Divides the step by 1 + this × the steps taken.")] = 0.0,
    initial_accumulator_value: Annotated[float, Knob(0, 10, at_least=0, label="initial sum of squares")] = 0.0,
    eps: Epsilon = 1e-10,
    weight_decay: WeightDecay = 0.0,
) -> Optimizer:
    """Each coordinate's step is divided by all the gradient it has seen, so steps only ever get smaller.

    s ← s + g², x ← x - η / (1 + (t - 1) lr_decay) · g / (√s + ε), with s from `initial_accumulator_value` (Duchi et al. 2011,
    figure 1). Stable while η λmax(P⁻¹H) < 2, with P = (1 + (t - 1) lr_decay)(√s + ε) held still. P grows with every step, the more
    so the larger the gradient: beyond the edge a run swings wide until P has grown enough, and does not diverge on a quadratic.

    >>> direction, _ = adagrad().update(np.array([[4.0]]), adagrad().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> direction    # whatever the gradient, the first step is η long
    array([[1.]])
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x) + initial_accumulator_value

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, s = state
        state = t + 1, s + g * g
        return g / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, s = state
        return np.asarray((1 + (t - 1) * lr_decay) * (np.sqrt(s) + eps))

    return with_weight_decay(weight_decay, Optimizer(init, update, Recurrence(), preconditioner))


@OPTIMIZERS
def rmsprop(
    alpha: Decay = 0.99, eps: Epsilon = 1e-8, momentum: Momentum = 0.0, centered: bool = False, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Divide each coordinate's step by the recent size of its gradient.

    v ← α v + (1 - α) g², d = g / (√v + ε), then b ← β b + d, x ← x - η b (Tieleman & Hinton 2012, lecture 6e; PyTorch puts ε
    outside the root and does not correct the bias). `centered` subtracts the squared mean gradient from v (Graves 2013).
    Stable while η λmax(P⁻¹H) < 2(1 + β), with P = √v + ε held still (Cohen et al. 2022, arXiv 2207.14484). P follows the gradient
    down to ε, so a run ends by jumping between ±η/2 about the minimum, whatever the curvature.

    >>> direction, _ = rmsprop().update(np.array([[4.0]]), rmsprop().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> float(direction[0, 0].round(6))    # the first step is 10 × the learning rate: v starts at 0
    10.0
    """

    def init(x: Array) -> State:
        return np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        v, mean, b = state
        v = moving(v, alpha, g, g)
        mean = moving(mean, alpha, g) if centered else mean
        state = v, mean, b
        b = momentum * b + g / preconditioner(state)
        return b, (v, mean, b)

    def preconditioner(state: State) -> Array:
        v, mean, _ = state
        return np.asarray(np.sqrt(v - mean * mean) + eps)

    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(momentum), preconditioner))


@OPTIMIZERS
def adadelta(rho: Decay = 0.9, eps: Epsilon = 1e-6, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Each step is as long as the recent steps, times the gradient over its recent size: made to be run at a learning rate of 1.

    v ← ρ v + (1 - ρ) g², d = √(u + ε) / √(v + ε) · g, x ← x - η d, then u ← ρ u + (1 - ρ) d² (Zeiler 2012, algorithm 1; ε is
    inside the roots). Stable while η λmax(P⁻¹H) < 2, with P = √(v + ε) / √(u + ε) held still. It begins with steps of about √ε.

    >>> direction, _ = adadelta().update(np.array([[4.0]]), adadelta().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> float(direction[0, 0].round(6))    # √(ε / (1 - ρ))
    0.003162
    """

    def init(x: Array) -> State:
        return np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        v, u, d = state
        u = moving(u, rho, d, d)  # of the last step, only now: the preconditioner is read from the state as it was used
        v = moving(v, rho, g, g)
        d = g / preconditioner((v, u, d))
        return d, (v, u, d)

    def preconditioner(state: State) -> Array:
        v, u, _ = state
        return np.asarray(np.sqrt(v + eps) / np.sqrt(u + eps))

    return with_weight_decay(weight_decay, Optimizer(init, update, Recurrence(), preconditioner))


@OPTIMIZERS
def adam(
    beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, amsgrad: bool = False, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Momentum, with each coordinate's step divided by the recent size of its gradient.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², x ← x - η m̂ / (√v̂ + ε), with m̂ = m/(1 - β₁ᵗ) and v̂ = v/(1 - β₂ᵗ)
    (Kingma & Ba 2015, algorithm 1); `amsgrad` keeps the largest v (Reddi et al. 2018, algorithm 2; PyTorch compares uncorrected ones).
    Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), with P = √v̂ + ε held still: 38/η at 0.9 (Cohen et al. 2022, arXiv 2207.14484).
    P follows the gradient down to ε, so it settles on curvature λ only if ηλ/ε is below that number; else it dances at a
    distance of about 0.03 η.

    >>> round(adam().largest_stable_rate(1.0), 6)
    38.0
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v, largest = state
        t = t + 1
        m = moving(m, beta1, g)
        v = moving(v, beta2, g, g)
        largest = np.maximum(largest, v) if amsgrad else v
        state = t, m, v, largest
        P = preconditioner(state)
        P *= 1 - beta1**t
        return np.divide(m, P, out=P), state

    def preconditioner(state: State) -> Array:
        t, _, _, largest = state
        return np.asarray(np.sqrt(largest) * (1 - beta2**t) ** -0.5 + eps)  # a product costs a quarter of a quotient

    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(beta1, 1 - beta1), preconditioner))


@OPTIMIZERS
def adamw(
    beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, amsgrad: bool = False, weight_decay: DecoupledDecay = 0.01
) -> Optimizer:
    """Adam, with the weights shrinking beside its step instead of through the gradient.

    x ← (1 - η w) x - η m̂ / (√v̂ + ε), with m̂ and v̂ as in `adam` (Loshchilov & Hutter 2019, algorithm 2).
    Stable while η (λmax(P⁻¹H) (1 - β₁)/(1 + β₁) + w) < 2, with P held still. A step is hardly longer than η, so x is drawn into
    the box |x| ≤ 1/w (Xie & Li 2024).

    >>> direction, _ = adamw(weight_decay=0.1).update(np.array([[4.0]]), adamw().init(np.array([[3.0]])), np.array([[3.0]]))
    >>> direction.round(6)    # Adam's 1, and 0.1 × 3
    array([[1.3]])
    """
    return with_decoupled_decay(weight_decay, adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad))


@OPTIMIZERS
def adamax(beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Adam that divides by the largest recent gradient instead of the mean one.

    m ← β₁ m + (1 - β₁) g, u ← max(β₂ u, |g| + ε), x ← x - η / (1 - β₁ᵗ) · m / u (Kingma & Ba 2015, algorithm 2; ε as in PyTorch).
    Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), with P = u held still.

    >>> direction, _ = adamax().update(np.array([[4.0]]), adamax().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> direction.round(6)
    array([[1.]])
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, u = state
        t = t + 1
        m = moving(m, beta1, g)
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        return m / (1 - beta1**t) / u, (t, m, u)

    def preconditioner(state: State) -> Array:
        _, _, u = state
        return np.asarray(u)

    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(beta1, 1 - beta1), preconditioner))


@OPTIMIZERS
def nadam(
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    momentum_decay: Annotated[float, Knob(0, 0.1, at_least=0, help="How fast the look-ahead grows from half of β₁ to all of it.")] = 0.004,
    weight_decay: WeightDecay = 0.0,
) -> Optimizer:
    """Adam that looks ahead, as Nesterov's momentum does.

    m and v̂ as in `adam`, μₜ = β₁ (1 - ½ · 0.96^(t ψ)) with ψ = `momentum_decay`, and
    x ← x - η [(1 - μₜ) g / (1 - Πμ) + μₜ₊₁ m / (1 - Πμ · μₜ₊₁)] / (√v̂ + ε), with Πμ = μ₁ ⋯ μₜ (Dozat 2016; PyTorch's form).
    Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 + β₁ - 2μβ₁), with P = √v̂ + ε and μ held still. At 0.9 that is 3.49 where it
    begins, μ = β₁/2, and 13.57 where it ends, μ = β₁; with ψ = 0.004 half of the way takes 4,000 steps, so the edge here is the first.

    >>> round(nadam().largest_stable_rate(1.0), 2), round(nadam(momentum_decay=1000).largest_stable_rate(1.0), 2)
    (3.49, 13.57)
    """

    def look_ahead(t: int) -> Number:
        return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.zeros_like(x), 1.0

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v, product = state
        t = t + 1
        mu, next_mu = look_ahead(t), look_ahead(t + 1)
        product = product * mu
        m = moving(m, beta1, g)
        v = moving(v, beta2, g, g)
        state = t, m, v, product
        return ((1 - mu) * g / (1 - product) + next_mu * m / (1 - product * next_mu)) / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, v, _ = state
        return np.asarray(np.sqrt(v / (1 - beta2**t)) + eps)

    mu = look_ahead(1)
    looking_ahead = Recurrence(trace_0=1 + beta1, trace_h=1 - mu * beta1, det_0=beta1, det_h=(1 - mu) * beta1)
    return with_weight_decay(weight_decay, Optimizer(init, update, looking_ahead, preconditioner))


@OPTIMIZERS
def radam(beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Adam that waits: plain momentum for the first steps, until the size of the gradient is known well enough to divide by it.

    x ← x - η m̂ rₜ √(1 - β₂ᵗ) / (√v + ε) once ρₜ > 5, and x ← x - η m̂ before, with m̂ and v as in `adam`,
    ρ∞ = 2/(1 - β₂) - 1, ρₜ = ρ∞ - 2 t β₂ᵗ/(1 - β₂ᵗ) and rₜ² = (ρₜ - 4)(ρₜ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρₜ)
    (Liu et al. 2020, algorithm 2; PyTorch begins at 5 and puts ε as above). Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), where
    P is 1 for the first steps, 5 of them at the usual β₂: a learning rate meant for Adam's scaled steps can overflow right there.

    >>> direction, _ = radam().update(np.array([[4.0]]), radam().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> direction.round(6)    # the gradient itself
    array([[4.]])
    """
    rho_inf = 2 / (1 - beta2) - 1

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v = state
        t = t + 1
        m = moving(m, beta1, g)
        v = moving(v, beta2, g, g)
        state = t, m, v
        return m / (1 - beta1**t) / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, v = state
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        known, limit = np.maximum(rho, 5.0), np.maximum(rho_inf, 5.0)  # r is not asked for below 5, and has no value at 4 or 2
        r = np.sqrt((known - 4) * (known - 2) * limit / ((limit - 4) * (limit - 2) * known))
        return np.where(rho > 5, (np.sqrt(v) + eps) / (r * np.sqrt(1 - beta2**t)), 1.0)

    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(beta1, 1 - beta1), preconditioner))


@OPTIMIZERS
def lion(beta1: Decay = 0.9, beta2: Decay = 0.99, weight_decay: DecoupledDecay = 0.0) -> Optimizer:
    """Step by the learning rate in every coordinate, in the direction that momentum and gradient vote for: only signs count.

    c = β₁ m + (1 - β₁) g, x ← (1 - η w) x - η sign(c), then m ← β₂ m + (1 - β₂) g (Chen et al. 2023, arXiv 2302.06675).
    No curvature has an edge: a step never grows, so nothing diverges, and never shrinks, so nothing settles. Near a minimum it
    ends in a cycle: with both β at 0 between the two places r and η - r of sign descent, else within about 2 η. Decay alone can
    diverge, at η w > 2; below, it draws x into the box |x| ≤ 1/w.

    >>> direction, _ = lion().update(np.array([[4.0], [-0.1]]), lion().init(np.ones((2, 1))), np.ones((2, 1)))
    >>> direction[:, 0]
    array([ 1., -1.])
    >>> lion().largest_stable_rate(1.0)
    inf
    """

    def init(x: Array) -> State:
        return np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        m, _ = state
        c = moving(m, beta1, g)
        m = moving(m, beta2, g)
        return np.sign(c), (m, c)

    def preconditioner(state: State) -> Array:
        _, c = state
        return np.abs(c)  # sign(c) = c / |c|

    any_curvature = Recurrence(trace_0=1.0, trace_h=0.0, det_0=0.0, det_h=0.0)
    return with_decoupled_decay(weight_decay, Optimizer(init, update, any_curvature, preconditioner))

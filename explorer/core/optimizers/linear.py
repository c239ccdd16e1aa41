"""Rules that are linear in the gradient: gradient descent, momentum and averaging."""

from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import PLAIN_STEP, Array, Number, Recurrence, heavy_ball
from explorer.core.optimizers.rule import OPTIMIZERS, Dampening, Momentum, Optimizer, State, WeightDecay, at_rest, kept, with_weight_decay


@OPTIMIZERS.named(torch="SGD")
def gradient_descent(weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Step straight down the gradient.

    x ← x - η g (Cauchy 1847). Stable on curvature λ while ηλ < 2.

    >>> direction, state = gradient_descent().update(np.array([[3.0]]), (), np.array([[1.0]]))
    >>> direction
    array([[3.]])
    """
    rule = Optimizer(init=lambda x: (), update=lambda gradient, state, x: (gradient, state), recurrence=PLAIN_STEP, code=("", "", "g"))
    return with_weight_decay(weight_decay, rule)


@OPTIMIZERS.named(torch="SGD")
def momentum(momentum: Momentum = 0.9, dampening: Dampening = 0.0, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """The heavy ball: keep rolling in the direction of the past steps.

    b ← β b + (1 - dampening) g, x ← x - η b; the first b is g itself, undampened, as in PyTorch (Polyak 1964).
    Stable on curvature λ while ηλ(1 - dampening) < 2(1 + β) (Goh 2017, "Why Momentum Really Works"); with dampening = β, b is a
    running mean of the gradients and the edge 2(1 + β)/(1 - β).

    >>> momentum(momentum=0.5).largest_stable_rate(1.0)
    3.0
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, b = state
        b = momentum * b + (1 - dampening) * g if t else g
        return b, (t + 1, b)

    rolled = "b = (momentum * b + (1 - dampening) * g if t > 1 else g) if dampening else momentum * b + g"
    code = "b = np.zeros_like(x)", rolled, "b"
    return with_weight_decay(weight_decay, Optimizer(at_rest(1), update, heavy_ball(momentum, 1 - dampening), code=code))


@OPTIMIZERS.named("Nesterov", torch="SGD(nesterov=True)")
def nesterov(
    momentum: Annotated[float, Knob(0.01, 0.99, above=0, below=1, label="momentum β")] = 0.9, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Momentum that looks ahead to where it is going.

    b ← β b + g, x ← x - η (g + β b), PyTorch's form of Nesterov 1983 (Sutskever et al. 2013, section 2).
    Stable on curvature λ while ηλ < 2(1 + β)/(1 + 2β) (Cohen et al. 2021, equation 1).

    >>> round(nesterov(momentum=0.9).largest_stable_rate(1.0), 6)
    1.357143
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        (b,) = state
        b = momentum * b + g
        return g + momentum * b, (b,)

    look_ahead = Recurrence(trace_0=1 + momentum, trace_h=1 + momentum, det_0=momentum, det_h=momentum)
    code = "b = np.zeros_like(x)", "b = momentum * b + g", "g + momentum * b"
    return with_weight_decay(weight_decay, Optimizer(at_rest(1, counted=False), update, look_ahead, code=code))


@OPTIMIZERS.named("ASGD", torch="ASGD")
def asgd(
    lambd: Annotated[float, Knob(0, 0.1, at_least=0, label="λ", help="Added to every curvature, and makes the rate fall.")] = 1e-4,
    alpha: Annotated[float, Knob(0, 1, at_least=0, help="The power with which the rate falls.")] = 0.75,
    t0: Annotated[float, Knob(0, 1000, at_least=0, label="t₀", help="The step after which points are averaged.")] = 1e6,
    weight_decay: WeightDecay = 0.0,
) -> Optimizer:
    """Gradient descent whose rate falls slowly, beside it the mean of the points it passes, which has less of their noise.

    x ← x - η / (1 + λ η (t - 1))^α · (g + λ x), and the mean of the points from t₀ on, which steers nothing (Polyak & Juditsky 1992; Bottou
    2012, section 5.3; PyTorch's form). What is shown is x, as PyTorch's parameters are; the mean is the second part of the state. Stable
    while η (λmax + λ)/(1 + λ η (t - 1))^α < 2: as the rate falls, a run that was beyond the edge comes below it in the end.

    >>> rule, x = asgd(lambd=0.5, alpha=1.0), np.ones((1, 1))
    >>> _, state = rule.update(np.array([[4.0]]), rule.init(x), x, 2.0)
    >>> rule.update(np.array([[4.0]]), state, x, 2.0)[0]    # (4 + ½) / (1 + ½ · 2)
    array([[2.25]])
    """

    def init(x: Array) -> State:
        return 0, np.zeros_like(x), np.ones_like(x)

    def update(g: Array, state: State, x: Array, rate: Number = 1.0) -> tuple[Array, State]:
        t, mean, _ = state
        mean = mean + (x - mean) / np.maximum(1.0, t - 1 - t0).astype(x.dtype)
        P = np.zeros_like(x) + (1 + lambd * rate * t) ** alpha
        return g / P, (t + 1, mean, P)

    code = "", "g = g + lambd * x", "g / (1 + lambd * rate * (t - 1)) ** alpha"
    return with_weight_decay(weight_decay + lambd, Optimizer(init, update, PLAIN_STEP, kept, rated=True, code=code))

"""Rules that are linear in the gradient: gradient descent and momentum."""

from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import Array, Recurrence, heavy_ball
from explorer.core.optimizers.rule import OPTIMIZERS, Dampening, Momentum, Optimizer, State, WeightDecay, with_weight_decay


@OPTIMIZERS.named(torch="SGD")
def gradient_descent(weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Step straight down the gradient.

    x ← x - η g (Cauchy 1847). Stable on curvature λ while ηλ < 2.

    >>> direction, state = gradient_descent().update(np.array([[3.0]]), (), np.array([[1.0]]))
    >>> direction
    array([[3.]])
    """
    rule = Optimizer(init=lambda x: (), update=lambda gradient, state, x: (gradient, state), code=("", "", "g"))
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

    def init(x: Array) -> State:
        return 0, np.zeros_like(x)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, b = state
        b = momentum * b + (1 - dampening) * g if t else g
        return b, (t + 1, b)

    rolled = "b = (momentum * b + (1 - dampening) * g if t > 1 else g) if dampening else momentum * b + g"
    code = "b = np.zeros_like(x)", rolled, "b"
    return with_weight_decay(weight_decay, Optimizer(init, update, heavy_ball(momentum, 1 - dampening), code=code))


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

    def init(x: Array) -> State:
        return (np.zeros_like(x),)

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        (b,) = state
        b = momentum * b + g
        return g + momentum * b, (b,)

    look_ahead = Recurrence(trace_0=1 + momentum, trace_h=1 + momentum, det_0=momentum, det_h=momentum)
    code = "b = np.zeros_like(x)", "b = momentum * b + g", "g + momentum * b"
    return with_weight_decay(weight_decay, Optimizer(init, update, look_ahead, code=code))

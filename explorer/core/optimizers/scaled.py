"""Rules that divide each coordinate's step by the size of the gradients it has seen."""

from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import PLAIN_STEP, Array, heavy_ball
from explorer.core.optimizers.rule import OPTIMIZERS, Decay, Epsilon, Momentum, Optimizer, State, WeightDecay, at_rest, with_weight_decay


@OPTIMIZERS.named("AdaGrad", torch="Adagrad")
def adagrad(
    lr_decay: Annotated[float, Knob(at_least=0, help="Divides the step by 1 + this × the steps taken.")] = 0.0,
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

    code = (
        "s = np.zeros_like(x) + initial_accumulator_value if initial_accumulator_value else np.zeros_like(x)",
        "s = s + g * g",
        "g / ((1 + (t - 1) * lr_decay) * (np.sqrt(s) + eps) if lr_decay else np.sqrt(s) + eps)",
    )
    return with_weight_decay(weight_decay, Optimizer(init, update, PLAIN_STEP, preconditioner, code=code))


@OPTIMIZERS.named("RMSProp", torch="RMSprop")
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

    code = (
        "v = np.zeros_like(x)\nif centered: mean = np.zeros_like(x)\nif momentum: b = np.zeros_like(x)",
        "v = alpha * v + (1 - alpha) * g * g\nif centered: mean = alpha * mean + (1 - alpha) * g\n"
        "d = g / (np.sqrt(v - mean * mean if centered else v) + eps)\nif momentum: b = momentum * b + d",
        "b if momentum else d",
    )
    rule = Optimizer(at_rest(3, counted=False), update, heavy_ball(momentum), preconditioner, code=code)
    return with_weight_decay(weight_decay, rule)


@OPTIMIZERS.named("AdaDelta", torch="Adadelta")
def adadelta(rho: Decay = 0.9, eps: Epsilon = 1e-6, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Each step is as long as the recent steps, times the gradient over its recent size: made to be run at a learning rate of 1.

    v ← ρ v + (1 - ρ) g², d = √(u + ε) / √(v + ε) · g, x ← x - η d, then u ← ρ u + (1 - ρ) d² (Zeiler 2012, algorithm 1; ε is
    inside the roots). Stable while η λmax(P⁻¹H) < 2, with P = √(v + ε) / √(u + ε) held still. It begins with steps of about √ε.

    >>> direction, _ = adadelta().update(np.array([[4.0]]), adadelta().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> float(direction[0, 0].round(6))    # √(ε / (1 - ρ))
    0.003162
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        v, u, d = state
        u = rho * u + (1 - rho) * d * d  # of the last step, only now: the preconditioner is read from the state as it was used
        v = rho * v + (1 - rho) * g * g
        d = g / preconditioner((v, u, d))
        return d, (v, u, d)

    def preconditioner(state: State) -> Array:
        v, u, _ = state
        return np.asarray(np.sqrt(v + eps) / np.sqrt(u + eps))

    code = (
        "v, u = np.zeros_like(x), np.zeros_like(x)",
        "v = rho * v + (1 - rho) * g * g\nd = np.sqrt(u + eps) / np.sqrt(v + eps) * g\nu = rho * u + (1 - rho) * d * d",
        "d",
    )
    return with_weight_decay(weight_decay, Optimizer(at_rest(3, counted=False), update, PLAIN_STEP, preconditioner, code=code))

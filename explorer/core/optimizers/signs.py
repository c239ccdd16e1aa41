"""Rules that keep only the sign of each coordinate."""

from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import ANY_CURVATURE, Array, Number
from explorer.core.optimizers.rule import (
    OPTIMIZERS,
    Decay,
    DecoupledDecay,
    Optimizer,
    State,
    WeightDecay,
    at_rest,
    kept,
    with_decoupled_decay,
    with_weight_decay,
)

SMALLEST_RATE = 1e-30  # stands for a rate of 0 where something is divided by it


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

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        m, _ = state
        c = beta1 * m + (1 - beta1) * g
        m = beta2 * m + (1 - beta2) * g
        return np.sign(c), (m, c)

    code = "m = np.zeros_like(x)", "c = beta1 * m + (1 - beta1) * g\nm = beta2 * m + (1 - beta2) * g", "np.sign(c)"
    # sign(c) = c / |c|
    rule = Optimizer(at_rest(2, counted=False), update, ANY_CURVATURE, lambda state: np.abs(state[1]), code=code)
    return with_decoupled_decay(weight_decay, rule)


@OPTIMIZERS.named("SignSGD")
def signsgd(momentum: Decay = 0.9, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Step by the learning rate in every coordinate, in the direction of the mean recent gradient: only its sign counts.

    m ← β m + (1 - β) g, x ← x - η sign(m): Signum, and SignSGD where β is 0 (Bernstein et al. 2018, algorithms 2 and 1). As for `lion`, no
    curvature has an edge, and a run ends in a cycle about a minimum.

    >>> direction, _ = signsgd().update(np.array([[4.0], [-0.1]]), signsgd().init(np.ones((2, 1))), np.ones((2, 1)))
    >>> direction[:, 0]
    array([ 1., -1.])
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        (m,) = state
        m = momentum * m + (1 - momentum) * g
        return np.sign(m), (m,)

    code = "m = np.zeros_like(x)", "m = momentum * m + (1 - momentum) * g", "np.sign(m)"
    rule = Optimizer(at_rest(1, counted=False), update, ANY_CURVATURE, lambda state: np.abs(state[0]), code=code)
    return with_weight_decay(weight_decay, rule)


@OPTIMIZERS.named("Rprop", torch="Rprop")
def rprop(
    etaminus: Annotated[float, Knob(0.1, 0.9, above=0, below=1, label="η⁻", help="What a step is multiplied by after a turn.")] = 0.5,
    etaplus: Annotated[float, Knob(1.01, 2, above=1, label="η⁺", help="What a step is multiplied by after another the same way.")] = 1.2,
    step_size_min: Annotated[float, Knob(1e-9, 1e-3, log=True, above=0, label="shortest step")] = 1e-6,
    step_size_max: Annotated[float, Knob(0.1, 100, log=True, above=0, label="longest step")] = 50.0,
) -> Optimizer:
    """Every coordinate has a step of its own, longer while the gradient keeps its sign and halved when that turns.

    Δ ← η⁺ Δ where g · g₋ > 0, η⁻ Δ and g ← 0 where it is < 0, held between its bounds; x ← x - Δ sign(g) (Riedmiller & Braun 1993, without
    taking back the step that went too far, as in PyTorch). The learning rate is only the first Δ, and a schedule multiplies every step. No
    curvature has an edge: beyond the minimum the sign turns, and steps shrink.

    >>> rule, x = rprop(), np.zeros((1, 1))
    >>> first, state = rule.update(np.array([[4.0]]), rule.init(x), x)
    >>> float(first[0, 0]), float(rule.update(np.array([[3.0]]), state, x)[0][0, 0])
    (1.0, 1.2)
    """

    def init(x: Array) -> State:
        return np.ones_like(x), np.zeros_like(x), np.zeros_like(x)

    def update(g: Array, state: State, x: Array, rate: Number = 1.0) -> tuple[Array, State]:
        size, before, _ = state
        eta = np.maximum(rate, SMALLEST_RATE)
        same = np.sign(g * before)
        size = size * np.where(same > 0, etaplus, np.where(same < 0, etaminus, 1.0))
        size = np.clip(size, step_size_min / eta, step_size_max / eta).astype(g.dtype, copy=False)  # in units of the rate
        g = np.where(same < 0, 0.0, g)
        return size * np.sign(g), (size, g, np.abs(g) / size)

    code = (
        "size, before = np.ones_like(x), np.zeros_like(x)",
        "same = np.sign(g * before)\n"
        "size = size * np.where(same > 0, etaplus, np.where(same < 0, etaminus, 1.0))\n"
        "size = np.clip(size, step_size_min / rate, step_size_max / rate)\n"
        "before = np.where(same < 0, 0.0, g)",
        "size * np.sign(before)",
    )
    return Optimizer(init, update, ANY_CURVATURE, kept, rated=True, code=code)

"""Momentum, with each coordinate's step divided by the size of its gradient: Adam and its family."""

from typing import Annotated

import numpy as np

from explorer.core.ground.knobs import Knob
from explorer.core.optimizers.recurrence import Array, Number, Recurrence, heavy_ball
from explorer.core.optimizers.rule import (
    OPTIMIZERS,
    Decay,
    DecoupledDecay,
    Epsilon,
    Optimizer,
    State,
    WeightDecay,
    at_rest,
    kept,
    with_decoupled_decay,
    with_weight_decay,
)

REST, MEANS = "m, v = np.zeros_like(x), np.zeros_like(x)", "m = beta1 * m + (1 - beta1) * g\nv = beta2 * v + (1 - beta2) * g * g"


@OPTIMIZERS.named("Adam", torch="Adam")
def adam(
    beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, amsgrad: bool = False, weight_decay: WeightDecay = 0.0
) -> Optimizer:
    """Momentum, with each coordinate's step divided by the recent size of its gradient.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², x ← x - η m̂ / (√v̂ + ε), with m̂ = m/(1 - β₁ᵗ) and v̂ = v/(1 - β₂ᵗ) (Kingma & Ba 2015,
    algorithm 1); `amsgrad` keeps the largest v (Reddi et al. 2018, algorithm 2; PyTorch compares uncorrected ones). Stable while η
    λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), with P = √v̂ + ε held still: 38/η at 0.9 (Cohen et al. 2022, arXiv 2207.14484). P follows the gradient
    down to ε, so it settles on curvature λ only if ηλ/ε is below that number; else it dances at a distance of about 0.03 η.

    >>> round(adam().largest_stable_rate(1.0), 6)
    38.0
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v, largest = state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        largest = np.maximum(largest, v) if amsgrad else v
        m_hat, state = m / (1 - beta1**t), (t, m, v, largest)
        return m_hat / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, _, largest = state
        v_hat = largest / (1 - beta2**t)
        return np.asarray(np.sqrt(v_hat) + eps)

    code = (
        f"{REST}\nif amsgrad: largest = np.zeros_like(x)",
        f"{MEANS}\nif amsgrad: largest = np.maximum(largest, v)\n"
        "m_hat = m / (1 - beta1**t)\nif amsgrad: v_hat = largest / (1 - beta2**t)\nelse: v_hat = v / (1 - beta2**t)",
        "m_hat / (np.sqrt(v_hat) + eps)",
    )
    return with_weight_decay(weight_decay, Optimizer(at_rest(3), update, heavy_ball(beta1, 1 - beta1), preconditioner, code=code))


@OPTIMIZERS.named("AdamW", torch="AdamW")
def adamw(
    beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, amsgrad: bool = False, weight_decay: DecoupledDecay = 0.01
) -> Optimizer:
    """Adam, with the weights shrinking beside its step instead of through the gradient.

    x ← (1 - η w) x - η m̂ / (√v̂ + ε), with m̂ and v̂ as in `adam` (Loshchilov & Hutter 2019, algorithm 2). Stable while η (λmax(P⁻¹H) (1 -
    β₁)/(1 + β₁) + w) < 2, with P held still. A step is hardly longer than η, so x is drawn into the box |x| ≤ 1/w (Xie & Li 2024).

    >>> direction, _ = adamw(weight_decay=0.1).update(np.array([[4.0]]), adamw().init(np.array([[3.0]])), np.array([[3.0]]))
    >>> direction.round(6)    # Adam's 1, and 0.1 × 3
    array([[1.3]])
    """
    return with_decoupled_decay(weight_decay, adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad))


@OPTIMIZERS.named("AdaMax", torch="Adamax")
def adamax(beta1: Decay = 0.9, beta2: Decay = 0.999, eps: Epsilon = 1e-8, weight_decay: WeightDecay = 0.0) -> Optimizer:
    """Adam that divides by the largest recent gradient instead of the mean one.

    m ← β₁ m + (1 - β₁) g, u ← max(β₂ u, |g| + ε), x ← x - η / (1 - β₁ᵗ) · m / u (Kingma & Ba 2015, algorithm 2; ε as in PyTorch).
    Stable while η λmax(P⁻¹H) < 2(1 + β₁)/(1 - β₁), with P = u held still.

    >>> direction, _ = adamax().update(np.array([[4.0]]), adamax().init(np.array([[1.0]])), np.array([[1.0]]))
    >>> direction.round(6)
    array([[1.]])
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, u = state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        m_hat = m / (1 - beta1**t)
        return m_hat / u, (t, m, u)

    code = (
        "m, u = np.zeros_like(x), np.zeros_like(x)",
        "m = beta1 * m + (1 - beta1) * g\nu = np.maximum(beta2 * u, np.abs(g) + eps)",
        "m / (1 - beta1**t) / u",
    )
    return with_weight_decay(weight_decay, Optimizer(at_rest(2), update, heavy_ball(beta1, 1 - beta1), kept, code=code))


@OPTIMIZERS.named("NAdam", torch="NAdam")
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
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        state = t, m, v, product
        return ((1 - mu) * g / (1 - product) + next_mu * m / (1 - product * next_mu)) / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, v, _ = state
        v_hat = v / (1 - beta2**t)
        return np.asarray(np.sqrt(v_hat) + eps)

    mu, moves = look_ahead(1), bool(np.any(look_ahead(1) != look_ahead(2)))
    looking_ahead = Recurrence(trace_0=1 + beta1, trace_h=1 - mu * beta1, det_0=beta1, det_h=(1 - mu) * beta1, moves=moves)
    code = (
        f"{REST}\nproduct = 1",
        "mu, next_mu = (beta1 * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in (t, t + 1))\nproduct = product * mu\n"
        f"{MEANS}\nahead = (1 - mu) * g / (1 - product) + next_mu * m / (1 - product * next_mu)",
        "ahead / (np.sqrt(v / (1 - beta2**t)) + eps)",
    )
    return with_weight_decay(weight_decay, Optimizer(init, update, looking_ahead, preconditioner, code=code))


@OPTIMIZERS.named("RAdam", torch="RAdam")
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

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        t, m, v = state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, state = m / (1 - beta1**t), (t, m, v)
        return m_hat / preconditioner(state), state

    def preconditioner(state: State) -> Array:
        t, _, v = state
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        known, limit = np.maximum(rho, 5.0), np.maximum(rho_inf, 5.0)  # r is not asked for below 5, and has no value at 4 or 2
        r = np.sqrt((known - 4) * (known - 2) * limit / ((limit - 4) * (limit - 2) * known))
        return np.where(rho > 5, (np.sqrt(v) + eps) / (r * np.sqrt(1 - beta2**t)), 1.0)

    code = (
        f"{REST}\nrho_inf = 2 / (1 - beta2) - 1",
        f"{MEANS}\nm_hat, rho = m / (1 - beta1**t), rho_inf - 2 * t * beta2**t / (1 - beta2**t)\n"
        "if rho > 5:\n    r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5\n"
        "    m_hat = m_hat * r * (1 - beta2**t) ** 0.5 / (np.sqrt(v) + eps)",
        "m_hat",
    )
    return with_weight_decay(weight_decay, Optimizer(at_rest(2), update, heavy_ball(beta1, 1 - beta1), preconditioner, code=code))
